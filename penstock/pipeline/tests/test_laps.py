"""What is handed to functions of sources, and what comes back: stage 6."""

import pytest

from penstock.spec.laps import LAP, REPLAY_BEFORE_LAP, is_before_lap
from penstock.spec.routed import BLOCKED, FOR_FUNCTION, ROUTED_TO_ALL
from penstock.spec.snapshot import ControlSnapshot, SchemaControlsSnapshot

TRACK = {"type": "track", "event": "E", "userId": "u1", "messageId": "m1"}
ASKED = {"messageId": "r1", "url": "http://x/", "headers": [], "body": "{}", "isForm": False}


def test_a_request_is_marked_as_it_came_once_and_counted_as_no_event(pipeline, build):
    build.with_function(pipeline, "SOURCE")
    judged = pipeline.judge(build.request([ASKED], call="function"))
    assert [(row.fate, row.message_id) for row in judged.rows] == [(FOR_FUNCTION, "r1")]
    assert judged.events == [ASKED]
    assert judged.total == 0
    again = pipeline.judge(build.request([ASKED], call="function"))
    assert (again.rows, again.reasons) == ([], {"duplicate": 1})


@pytest.mark.parametrize(
    ("kind", "key", "reason"),
    [
        ("", "wk", "invalid_settings"),
        ("INSERT_SOURCE", "wk", "invalid_settings"),
        ("SOURCE", "other", "unknown_source"),
    ],
)
def test_a_request_that_no_function_takes_ends_by_name(pipeline, build, kind, key, reason):
    build.with_function(pipeline, kind)
    judged = pipeline.judge(build.request([ASKED], call="function", write_key=key))
    assert (judged.rows, judged.reasons) == ([], {reason: 1})


def test_events_of_a_source_with_a_source_function_pass_as_ever(pipeline, build):
    build.with_function(pipeline, "SOURCE")
    assert [row.fate for row in pipeline.judge(build.request([TRACK])).rows] == [ROUTED_TO_ALL]


def test_a_run_that_is_repeated_is_no_duplicate_but_for_ids_that_the_code_gave(pipeline, build):
    """Whoever gives ids of their own may have been sent the same twice, and wants to know of it."""
    build.with_function(pipeline, "SOURCE")
    made = [{**TRACK, "messageId": "fn-1"}, {**TRACK, "messageId": "own"}]
    assert pipeline.judge(build.request(made)).reasons == {"": 2}
    again = pipeline.judge(build.request(made))
    assert (again.rows, again.reasons) == ([], {"duplicate": 1})


def test_an_event_goes_to_the_insert_function_first_and_is_received_once(pipeline, build):
    build.with_function(pipeline, "INSERT_SOURCE")
    first = pipeline.judge(build.request([TRACK, TRACK]))
    assert [row.fate for row in first.rows] == [FOR_FUNCTION]
    assert first.reasons == {"": 1, "duplicate": 1}
    changed = {**first.events[0], "properties": {"seen": True}}
    back = pipeline.judge(build.request([changed]), lap=LAP)
    assert [row.fate for row in back.rows] == [ROUTED_TO_ALL]
    assert back.events == [changed]
    assert back.total == 0
    repeated = pipeline.judge(build.request([changed]), lap=LAP)
    assert (repeated.rows, repeated.reasons) == ([], {}), "nobody sent a duplicate"


def test_what_no_function_has_had_goes_to_the_one_of_now_when_a_replay_brings_it(pipeline, build):
    build.with_function(pipeline, "INSERT_SOURCE")
    lap = REPLAY_BEFORE_LAP + "1"
    assert [row.fate for row in pipeline.judge(build.request([TRACK]), lap=lap).rows] == [FOR_FUNCTION]
    assert [row.fate for row in pipeline.judge(build.request([TRACK]), lap=LAP).rows] == [ROUTED_TO_ALL]
    assert (is_before_lap(lap), is_before_lap(LAP), is_before_lap("replay-1")) == (True, False, False)


def test_what_a_replay_brings_has_been_with_the_function_and_goes_on(pipeline, build):
    build.with_function(pipeline, "INSERT_SOURCE")
    pipeline.judge(build.request([TRACK]))
    pipeline.judge(build.request([TRACK]), lap=LAP)
    replayed = pipeline.judge(build.request([TRACK]), lap="replay-1")
    assert [row.fate for row in replayed.rows] == [ROUTED_TO_ALL]
    assert replayed.total == 0, "it was received when it came"


def test_how_a_replayed_event_ends_again_is_not_counted_again(pipeline, build):
    """Else more would be filtered than was received: by a plan, and as the repeat of a replay that was killed."""
    controls = SchemaControlsSnapshot(ControlSnapshot(allows_unplanned_events=False))
    pipeline.snapshots = build.snapshots(build.source(plan_id="tp_1", controls=controls), build.plan())
    came = pipeline.judge(build.request([TRACK]))
    assert ([row.fate for row in came.rows], came.reasons) == ([BLOCKED], {"": 1, "unplanned": 1})
    for wanted in ([BLOCKED], []):
        again = pipeline.judge(build.request([TRACK]), lap="replay-1")
        assert ([row.fate for row in again.rows], again.reasons) == (wanted, {})


def test_a_function_that_is_disabled_takes_nothing(pipeline, build):
    build.with_function(pipeline, "INSERT_SOURCE", enabled=False)
    assert [row.fate for row in pipeline.judge(build.request([TRACK])).rows] == [ROUTED_TO_ALL]
