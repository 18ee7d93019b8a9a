import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.spec.disk import RESERVE, DiskReport, Level, level_of, mark_of

MARK = 800


@pytest.mark.parametrize(
    ("free", "level"),
    [(800, Level.PLENTY), (799, Level.LOW), (600, Level.LOW), (599, Level.SCARCE), (399, Level.FULL), (0, Level.FULL)],
)
def test_levels_are_entered_in_their_order_as_room_shrinks(free, level):
    assert level_of(free, MARK, Level.PLENTY) is level


@pytest.mark.parametrize(
    ("free", "before", "level"),
    [
        (499, Level.FULL, Level.FULL),
        (500, Level.FULL, Level.SCARCE),
        (699, Level.SCARCE, Level.SCARCE),
        (700, Level.FULL, Level.LOW),
        (899, Level.LOW, Level.LOW),
        (900, Level.FULL, Level.PLENTY),
    ],
)
def test_a_level_is_left_only_with_more_room_than_it_was_entered_at(free, before, level):
    assert level_of(free, MARK, before) is level


@given(st.integers(0, 2000), st.sampled_from(Level), st.sampled_from(Level))
def test_the_level_that_is_found_is_kept_at_the_same_room(free, before, earlier):
    found = level_of(free, MARK, before)
    assert level_of(free, MARK, found) is found
    assert (level_of(free, MARK, before) >= level_of(free, MARK, earlier)) or before < earlier


@given(st.integers(0, 2000), st.integers(0, 2000), st.sampled_from(Level))
def test_less_room_is_never_a_better_level(one, other, before):
    less, more = sorted((one, other))
    assert level_of(less, MARK, before) >= level_of(more, MARK, before)


def test_requests_are_refused_before_the_log_engine_refuses():
    assert level_of(round(RESERVE * MARK), MARK, Level.PLENTY) is Level.FULL


def test_the_larger_of_both_marks_counts():
    assert mark_of(100 << 30, 2048, 5) == 5 << 30
    assert mark_of(10 << 30, 2048, 5) == 2 << 30


def test_a_report_says_in_words_what_is_short():
    report = DiskReport("p", Level.LOW, 3 << 20, 96 << 20, 48 << 20)
    assert report.reason() == "the disk is low: 3 MB free of 96, mark 48"
