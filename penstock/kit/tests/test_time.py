import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.kit.time import EARLIEST_MS, LATEST_MS, format_iso, parse_iso, read_iso

TEN = 1_893_578_400_000


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2030-01-02T10:00:00.000Z", TEN),
        ("2030-01-02T10:00:00Z", TEN),
        ("2030-01-02T10:00:00+00:00", TEN),
        ("2030-01-02T11:30:00.250+01:30", TEN + 250),
        ("2030-01-02 10:00:00", TEN),
        ("2030-01-02T10:00:00.123456789Z", TEN + 123),
        ("2030-01-02T10:00:00+0000", TEN),
        ("2030-01-02", TEN - 36_000_000),
        ("1969-12-31T23:59:59.999Z", -1),
    ],
)
def test_a_time_that_sdks_send_is_read(text, expected):
    assert parse_iso(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "now",
        "1893578400",
        "2030-13-02T10:00:00Z",
        "2030-01-02T25:00:00Z",
        "\ud800",
        "20300102T1000+01:30.000Z",
        "20300102T100000.123.000Z",
        "2030-02-30T10:00:00.000Z",
        "2030-01-02T10:00:00" + "0" * 99,
    ],
)
def test_what_is_no_time_is_none(text):
    assert parse_iso(text) is None


def test_times_are_written_with_milliseconds_and_z():
    assert format_iso(TEN + 5) == "2030-01-02T10:00:00.005Z"
    assert format_iso(-1) == "1969-12-31T23:59:59.999Z"


def test_a_time_that_four_digits_cannot_say_is_moved_to_the_nearest():
    assert format_iso(LATEST_MS + 10**15) == "9999-12-31T23:59:59.999Z"
    assert format_iso(EARLIEST_MS - 10**15) == "0001-01-01T00:00:00.000Z"


@given(st.integers(EARLIEST_MS, LATEST_MS))
def test_parsing_inverts_formatting(ms):
    assert parse_iso(format_iso(ms)) == ms


@given(st.text())
def test_no_text_makes_parsing_raise(text):
    assert parse_iso(text) is None or isinstance(parse_iso(text), int)


@given(st.integers(EARLIEST_MS, LATEST_MS))
def test_a_time_that_is_spelled_as_ours_is_read_with_its_spelling(ms):
    assert read_iso(format_iso(ms)) == (ms, format_iso(ms))


@pytest.mark.parametrize(
    "text",
    ["2030-01-02 10:00:00.005Z", "2030-W01-3T10:00:00.005Z", "2030-01-02T11:00:00.005+01:00", "20300102T100000.005Z"],
)
def test_a_time_that_is_spelled_in_another_way_is_told_in_ours(text):
    assert read_iso(text) == (TEN + 5, "2030-01-02T10:00:00.005Z")
