"""What a tail lets through."""

import msgspec
import pytest

from penstock.spec.outcome import Outcome
from penstock.spec.tail import CLOSED, NAME_LIMIT, TailEvents, TailLine, TailStep, outcome_named, shown

LINE = TailLine(
    step=TailStep.DESTINATION,
    time="2030-01-02T10:00:00.000Z",
    workspace_id="w1",
    source_id="s1",
    event_type="track",
    event_name="Order Completed",
    user_id="u1",
    anonymous_id="a1",
    outcome=Outcome.DELIVERED.value,
)


@pytest.mark.parametrize(
    "wanted",
    [
        {},
        {"workspace_id": "w1"},
        {"source_ids": ["s0", "s1"]},
        {"event": "Order Completed"},
        {"event": "track"},
        {"user": "u1"},
        {"user": "a1"},
        {"outcome": "SUCCESSFUL_DELIVERY"},
        {"workspace_id": "w1", "event": "track", "user": "u1"},
    ],
)
def test_a_line_that_fits_every_filter_is_shown(wanted):
    assert TailEvents(**wanted).admits(LINE)


@pytest.mark.parametrize(
    "wanted",
    [
        {"workspace_id": "w2"},
        {"source_ids": ["s2"]},
        {"event": "Order"},
        {"user": "u2"},
        {"outcome": "FAILED_DELIVERY"},
        {"workspace_id": "w2", "event": "track", "user": "u1"},
    ],
)
def test_one_filter_that_does_not_fit_is_enough(wanted):
    assert not TailEvents(**wanted).admits(LINE)


def test_what_a_function_prints_is_shown_where_it_is_asked_for_and_nothing_else_is():
    printed = TailLine(step=TailStep.FUNCTION, time="", workspace_id="w1", source_id="", function_id="f", text="t")
    assert TailEvents(has_logs=True).admits(printed)
    assert TailEvents(workspace_id="w1", has_logs=True).admits(printed)
    assert TailEvents(workspace_id="w1", has_logs=True).admits(LINE)
    assert not TailEvents(workspace_id="w1").admits(printed)
    for other in ({"workspace_id": "w2"}, {"source_ids": ["s1"]}, {"user": "u1"}, {"event": "track"}):
        assert not TailEvents(has_logs=True, **other).admits(printed)


def test_an_event_of_an_unknown_write_key_belongs_to_no_workspace():
    stray = msgspec.structs.replace(LINE, workspace_id="", source_id="")
    assert not TailEvents(workspace_id="w1").admits(stray)
    assert TailEvents().admits(stray)


def test_a_long_name_is_found_as_it_is_shown():
    name = "n" * 300
    line = msgspec.structs.replace(LINE, event_name=shown(name, NAME_LIMIT))
    assert TailEvents(event=name).admits(line)


@pytest.mark.parametrize("text", ["delivered", "DELIVERED", "successful_delivery", "Successful-Delivery"])
def test_an_outcome_is_known_by_both_its_names_in_any_case(text):
    assert outcome_named(text) is Outcome.DELIVERED


def test_what_is_no_outcome_is_none():
    assert outcome_named("lost") is None


def test_what_is_no_text_shows_nothing():
    assert shown({"a": 1}) == shown(None) == ""
    assert shown("x" * 300) == "x" * 255


def test_a_closed_tap_takes_what_it_is_given():
    assert not CLOSED.is_open
    CLOSED.offer([LINE])
