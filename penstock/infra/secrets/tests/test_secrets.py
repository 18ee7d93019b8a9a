import stat

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.infra.secrets import Sealer, SealError, hash_token

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
