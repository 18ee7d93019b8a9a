"""What the live view is told of a frame, and that telling changes nothing."""

from penstock.pipeline.dedupe import Claims
from penstock.pipeline.judging.judge import FrameJudge
from penstock.pipeline.judging.rules import Rulebook
from penstock.pipeline.judging.watched import WatchedJudge
from penstock.spec import accepted

NOW = 1_893_578_402_000


def events():
    return [
        {"type": "track", "event": "Bought", "userId": "u1", "anonymousId": "a1", "messageId": "m-1"},
        {"type": "track", "event": "Bought", "userId": "u1", "messageId": "m-1"},
        {"type": "identify", "traits": {}, "messageId": "m-2"},
        b"{not json",
    ]


def answers(pipeline, build, *requests):
    """The same frame judged by both."""
    head, body = accepted.decoder.frame(build.frame(*requests))
    made = []
    for kind, more in ((FrameJudge, ()), (WatchedJudge, (NOW,))):
        judge = kind(head, body, pipeline.snapshots, pipeline.index, Claims(), Rulebook(), *more)
        for _ in judge.slices():
            pass
        made.append(judge.answer("engine1", 1))
    return made


def told(answer):
    return [(line.message_id, line.step.value, line.outcome, line.reason) for line in answer.lines]


def test_watching_changes_nothing_of_the_answer(pipeline, build):
    plain, watched = answers(pipeline, build, build.request(events(), left_out={"event_too_large": 2}))
    assert watched.parts == plain.parts
    assert watched.claimed == plain.claimed
    assert plain.lines == []


def test_each_event_is_received_and_judged_with_its_reason(pipeline, build):
    _, watched = answers(pipeline, build, build.request(events()))
    assert told(watched)[:6] == [
        ("m-1", "received", "", ""),
        ("m-1", "pipeline", "SUCCESSFULLY_RECEIVED", ""),
        ("m-1", "received", "", ""),
        ("m-1", "pipeline", "FAILED_ON_INGEST", "duplicate"),
        ("m-2", "received", "", ""),
        ("m-2", "pipeline", "FAILED_ON_INGEST", "no_user_anon_id"),
    ]
    assert [(step, reason) for _, step, _, reason in told(watched)[6:]] == [
        ("received", ""),
        ("pipeline", "bad_request"),
    ]


def test_a_line_says_whose_the_event_is(pipeline, build):
    _, watched = answers(pipeline, build, build.request(events()[:1]))
    received, judged = watched.lines
    assert (received.workspace_id, received.source_id, received.source) == ("ws1", "src_A1", "src_a1")
    assert (received.event_type, received.event_name) == ("track", "Bought")
    assert (received.user_id, received.anonymous_id) == ("u1", "a1")
    assert received.time == "2030-01-02T10:00:01.250Z"
    assert judged.time == "2030-01-02T10:00:02.000Z"


def test_an_unknown_write_key_is_shown_by_its_beginning_and_belongs_to_nobody(pipeline, build):
    _, watched = answers(pipeline, build, build.request(events()[:1], write_key="a-secret-that-is-long"))
    assert {(line.workspace_id, line.source_id, line.source) for line in watched.lines} == {("", "", "a-secret…")}
    assert watched.lines[-1].reason == "unknown_source"


def test_what_the_edge_left_out_is_told_by_number(pipeline, build):
    _, watched = answers(pipeline, build, build.request([], left_out={"event_too_large": 3}))
    assert [(line.step.value, line.count, line.reason) for line in watched.lines] == [
        ("received", 3, ""),
        ("pipeline", 3, "event_too_large"),
    ]


def test_ids_and_names_of_any_length_make_short_lines(pipeline, build):
    event = {"type": "track", "event": "e" * 2_000, "userId": "u" * 2_000, "messageId": "m-9"}
    _, watched = answers(pipeline, build, build.request([event]))
    assert {(len(line.event_name), len(line.user_id)) for line in watched.lines} == {(100, 255)}
