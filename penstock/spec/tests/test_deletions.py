import msgspec

from penstock.spec.deletions import Deleted, Deletions
from penstock.spec.laps import FunctionRequest
from penstock.spec.snapshot import DeletionSnapshot
from penstock.spec.suppression import SubjectHasher, SubjectType, packed

KEY = b"k" * 32


def deletion(*subject_ids, before=100, source_id="", subject_type=SubjectType.USER_ID, number=1):
    hasher = SubjectHasher(KEY, subject_type)
    digests = packed(map(hasher.digest, subject_ids))
    return DeletionSnapshot(f"d{number}", "ws1", 1, source_id, KEY, subject_type, before, digests)


def request(body):
    return msgspec.json.encode(FunctionRequest("r", "", "http://x/fn?b=k", [], body, is_form=False))


def test_what_came_until_the_deletion_is_covered_and_what_came_later_is_not():
    deleted = Deleted([deletion("u-1", "u-2")], KEY)
    assert deleted.covers("s", "u-1", None, 100)
    assert deleted.covers("s", "u-2", "a-1", 0)
    assert not deleted.covers("s", "u-1", None, 101)
    assert not deleted.covers("s", "u-3", None, 100)
    assert not deleted.covers("s", None, "u-1", 100)
    assert not deleted.covers("s", "", "", 100)


def test_that_of_one_source_is_for_it_alone():
    deleted = Deleted([deletion("u-1", source_id="s")], KEY)
    assert deleted.covers("s", "u-1", None, 100)
    assert not deleted.covers("t", "u-1", None, 100)


def test_an_anonymous_id_is_known_as_one():
    deleted = Deleted([deletion("a-1", subject_type=SubjectType.ANONYMOUS_ID)], KEY)
    assert deleted.covers("s", None, "a-1", 100)
    assert not deleted.covers("s", "a-1", None, 100)


def test_a_request_is_covered_where_any_of_its_values_is_an_id():
    deleted = Deleted([deletion("u-1", source_id="s"), deletion("a-1", subject_type=SubjectType.ANONYMOUS_ID)], KEY)
    mine, theirs = (request(f'{{"who":{{"id":"{who}"}}}}') for who in ("u-1", "u-2"))
    assert deleted.covers_request("s", mine, 100)
    assert deleted.covers_request("t", request('["a-1"]'), 100)
    assert not deleted.covers_request("s", mine, 101)
    assert not deleted.covers_request("t", mine, 100)
    assert not deleted.covers_request("s", theirs, 100)
    assert not deleted.covers_request("s", b'{"type":"track","properties":{"who":"u-1"}}', 100)


def test_of_several_deletions_the_newest_counts():
    deleted = Deleted([deletion("u-1", before=200), deletion("u-1", before=100, number=2)], KEY)
    assert deleted.covers("s", "u-1", None, 150)


def test_they_are_read_anew_when_they_are_others_and_a_key_that_cannot_be_opened_covers_nobody():
    deletions, first = Deletions(bytes), (deletion("u-1"),)
    assert deletions.among(()) is None
    assert deletions.among(first) is deletions.among(first)
    assert deletions.among((deletion("u-2"),)).covers("s", "u-2", None, 1)

    def refuse(sealed):
        raise ValueError(sealed)

    assert Deletions(refuse).among(first) is None


def test_ends_of_suppressions_are_told_apart():
    both = deletion("u-1"), msgspec.structs.replace(deletion("u-2", number=2), ends_suppression=True)
    deleted, ended = (Deletions(bytes, of_suppressions=which).among(both) for which in (False, True))
    assert (deleted.covers("s", "u-1", None, 1), deleted.covers("s", "u-2", None, 1)) == (True, False)
    assert (ended.covers("s", "u-1", None, 1), ended.covers("s", "u-2", None, 1)) == (False, True)
    assert Deletions(bytes, of_suppressions=True).among(both[:1]) is None
