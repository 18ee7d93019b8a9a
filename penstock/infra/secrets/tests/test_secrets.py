import stat

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.infra.secrets import KEYS_KEPT, Sealer, SealError, hash_token

sealer = Sealer(b"k" * 32)


@given(st.binary(max_size=300))
def test_what_was_sealed_is_opened_again(value):
    assert sealer.open(sealer.seal(value)) == value


@given(st.binary(min_size=1, max_size=60), st.integers(min_value=0), st.integers(min_value=1, max_value=255))
def test_a_changed_byte_is_refused(value, place, change):
    sealed = bytearray(sealer.seal(value))
    sealed[place % len(sealed)] ^= change
    with pytest.raises(SealError):
        sealer.open(bytes(sealed))


@given(st.binary(max_size=40))
def test_bytes_that_were_never_sealed_are_refused(value):
    with pytest.raises(SealError):
        sealer.open(value)


def test_two_sealings_of_one_value_differ():
    assert sealer.seal(b"x") != sealer.seal(b"x")


def test_the_key_file_is_made_once_and_is_private(tmp_path):
    first = Sealer.load(tmp_path, {})
    assert Sealer.load(tmp_path, {}).open(first.seal(b"secret")) == b"secret"
    assert stat.S_IMODE((tmp_path / "secret.key").stat().st_mode) == 0o600
    assert [file.name for file in tmp_path.iterdir()] == ["secret.key"]


def test_the_environment_wins_over_the_file(tmp_path):
    named = Sealer.load(tmp_path, {"PENSTOCK_SECRET_KEY": "from the environment"})
    assert not (tmp_path / "secret.key").exists()
    with pytest.raises(SealError):
        Sealer.load(tmp_path, {}).open(named.seal(b"secret"))


def test_a_damaged_key_file_is_refused(tmp_path):
    (tmp_path / "secret.key").write_bytes(b"short")
    with pytest.raises(SealError):
        Sealer.load(tmp_path, {})


def test_a_token_is_hashed_the_same_way_each_time():
    assert hash_token("a") == hash_token("a") != hash_token("b")


class TestRotation:
    def test_what_an_older_key_has_sealed_is_opened_and_new_values_need_the_new_key(self, tmp_path):
        rotated = Sealer.load(tmp_path, {})
        old_key = (tmp_path / "secret.key").read_bytes()
        before, derived = rotated.seal(b"before"), rotated.derive("people")
        rotated.rotate()
        after = rotated.seal(b"after")
        assert (rotated.open(before), rotated.open(after)) == (b"before", b"after")
        assert Sealer(old_key).open(before) == b"before"
        with pytest.raises(SealError):
            Sealer(old_key).open(after)
        assert rotated.derive("people") == derived
        assert stat.S_IMODE((tmp_path / "secret.key").stat().st_mode) == 0o600
        assert [file.name for file in tmp_path.iterdir()] == ["secret.key"]

    def test_another_process_finds_the_new_key_by_itself(self, tmp_path):
        first, second = Sealer.load(tmp_path, {}), Sealer.load(tmp_path, {})
        first.rotate()
        assert second.open(first.seal(b"x")) == b"x"
        with pytest.raises(SealError):
            second.open(Sealer(b"n" * 32).seal(b"x"))

    def test_only_so_many_keys_are_kept_and_none_is_lost_before_all_is_sealed_anew(self, tmp_path):
        rotated = Sealer.load(tmp_path, {})
        sealed = rotated.seal(b"x")
        for _ in range(KEYS_KEPT):
            rotated.rotate()
        assert rotated.open(sealed) == b"x"
        rotated.forget_oldest()
        with pytest.raises(SealError):
            rotated.open(sealed)

    def test_a_key_of_the_environment_is_changed_by_who_sets_it(self, tmp_path):
        old = Sealer.load(tmp_path, {"PENSTOCK_SECRET_KEY": "old"})
        with pytest.raises(SealError):
            old.rotate()
        given = {"PENSTOCK_SECRET_KEY": "new", "PENSTOCK_SECRET_KEY_PREVIOUS": "old"}
        assert Sealer.load(tmp_path, given).open(old.seal(b"x")) == b"x"
