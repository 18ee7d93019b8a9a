"""Times and refusals as the server writes them."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.infra.log import LogFull, LogRefused, LogUnavailable, SequenceMismatch
from penstock.infra.log.direct import milliseconds
from penstock.infra.log.errors import error_of
from penstock.spec.streams import streams


@given(st.integers(0, 4_000_000_000_000), st.integers(0, 999_999))
def test_a_time_keeps_its_milliseconds_whatever_digits_follow(moment_ms, nanoseconds):
    whole = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=moment_ms // 1000)
    digits = f"{moment_ms % 1000:03d}{nanoseconds:06d}".rstrip("0")
    stamp = whole.strftime("%Y-%m-%dT%H:%M:%S") + (f".{digits}Z" if digits else "Z")
    assert milliseconds(stamp) == moment_ms


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ({"code": 400, "err_code": 10071, "description": "wrong last sequence: 12"}, SequenceMismatch),
        ({"code": 400, "err_code": 10164, "description": "wrong last sequence"}, SequenceMismatch),
        ({"code": 503, "err_code": 10077, "description": "maximum bytes exceeded"}, LogFull),
        ({"code": 503, "err_code": 10008, "description": "system temporarily unavailable"}, LogUnavailable),
        ({"code": 400, "err_code": 10176, "description": "atomic publish batch is incomplete"}, LogUnavailable),
        ({"code": 404, "err_code": 10059, "description": "stream not found"}, LogRefused),
        ({}, LogRefused),
    ],
)
def test_a_refusal_becomes_the_error_with_the_right_consequence(answer, expected):
    assert type(error_of(answer)) is expected


def test_the_real_last_is_read_from_the_refusal():
    assert error_of({"err_code": 10071, "description": "wrong last sequence: 12"}).last == 12
    assert error_of({"err_code": 10164, "description": "wrong last sequence"}).last == -1


def test_every_shard_has_its_streams():
    assert set(streams(2)) == {"FACTS", *(f"{name}-{n}" for name in ("ACCEPTED", "ROUTED", "DELIVERY") for n in (0, 1))}
