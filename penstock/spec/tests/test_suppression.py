from hypothesis import given
from hypothesis import strategies as st

from penstock.spec.suppression import KEY_SIZE, SubjectHasher, SubjectType

KEY = b"k" * KEY_SIZE


@given(st.text(st.characters(codec=None)))
def test_an_id_always_has_the_same_hash_of_64_bits(subject_id):
    hasher = SubjectHasher(KEY, SubjectType.USER_ID)
    found = hasher.digest(subject_id)
    assert 0 <= found < 2**64
    assert SubjectHasher(KEY, SubjectType.USER_ID).digest(subject_id) == hasher.digest(subject_id) == found


def test_another_key_or_another_type_of_id_has_another_hash():
    found = {
        SubjectHasher(key, subject_type).digest("u-1") for key in (KEY, b"l" * KEY_SIZE) for subject_type in SubjectType
    }
    assert len(found) == 6
