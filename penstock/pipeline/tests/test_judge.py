import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from penstock.pipeline.judging.judge import FrameJudge
from penstock.pipeline.judging.rules import Rulebook
from penstock.spec.accepted import AcceptedHead, AcceptedRow, RequestRecord, decoder

TRACK = {"type": "track", "event": "Plan Changed", "userId": "u1", "messageId": "m1"}


def test_an_event_comes_out_as_the_documented_example(pipeline, build):
    pipeline.snapshots = build.snapshots(build.source(platform="website"))
    event = {
        "type": "track",
        "event": "Plan Changed",
        "messageId": "ajs-next-1893578400000-6f9c",
        "anonymousId": "a1",
        "userId": "u1",
        "writeKey": "wk",
        "properties": {"plan": "pro"},
        "context": {"library": {"name": "analytics.js", "version": "next-1.84.3"}},
        "timestamp": "2030-01-02T10:00:00.000Z",
        "sentAt": "2030-01-02T10:00:01.000Z",
        "_metadata": {"bundled": ["Segment.io"]},
    }
    judged = pipeline.judge(build.request([event], peer="198.51.100.7", call="track"))
    assert judged.events == [
        {
            "anonymousId": "a1",
            "channel": "client",
            "context": {"ip": "198.51.100.7", "library": {"name": "analytics.js", "version": "next-1.84.3"}},
            "event": "Plan Changed",
            "integrations": {},
            "messageId": "ajs-next-1893578400000-6f9c",
            "originalTimestamp": "2030-01-02T10:00:00.000Z",
            "projectId": "src_A1",
            "properties": {"plan": "pro"},
            "receivedAt": "2030-01-02T10:00:01.250Z",
            "sentAt": "2030-01-02T10:00:01.000Z",
            "timestamp": "2030-01-02T10:00:00.250Z",
            "type": "track",
            "userId": "u1",
            "version": 2,
        }
    ]
    assert json.loads(judged.rows[0].metadata) == {"bundled": ["Segment.io"]}
    assert judged.head.snapshot_version == 7
    assert judged.head.received_at == build.received_at


def test_fields_that_the_api_does_not_name_are_kept_as_they_came(pipeline):
    sent = b'{"type":"track","event":"E","userId":"u","extra":{"big":123456789012345678901234567890,"f":1.10},"nothing":null}'
    pipeline_event = pipeline.one(sent)
    assert pipeline_event["extra"] == {"big": 123456789012345678901234567890, "f": 1.1}
    assert pipeline_event["nothing"] is None
    assert pipeline_event["version"] == 2


def test_untouched_values_are_written_digit_by_digit(pipeline, build):
    sent = (
        b'{"type":"track","event":"E","userId":"u","properties":{"a":1.10,"b":9223372036854775808, "c":1e3},"x":2.50}'
    )
    (text,) = pipeline.judge(build.request([sent])).texts
    assert b'{"a":1.10,"b":9223372036854775808, "c":1e3}' in text
    assert b'"x":2.50' in text


def test_the_path_names_the_type_and_beats_the_body(pipeline, build):
    judged = pipeline.judge(build.request([TRACK | {"type": "identify"}], call="track"))
    assert judged.types == ["track"]
    assert judged.events[0]["type"] == "track"


def test_elements_left_out_at_the_edge_are_counted_under_their_codes(pipeline, build):
    left_out = {"event_too_large": 2, "batch_limit_exceeded": 3, "a code of another release": 1}
    judged = pipeline.judge(build.request([TRACK], left_out=left_out))
    assert judged.reasons == {"": 1, "event_too_large": 2, "batch_limit_exceeded": 3, "internal": 1}


@pytest.mark.parametrize(
    ("changes", "reason"),
    [({"enabled": False}, "source_disabled"), ({"is_workspace_locked": True}, "locked_workspace")],
)
def test_a_source_that_takes_nothing_ends_its_events_by_name(pipeline, build, changes, reason):
    pipeline.snapshots = build.snapshots(build.source(**changes))
    judged = pipeline.judge(build.request([TRACK]))
    assert (judged.rows, judged.reasons, judged.answer.claimed) == ([], {reason: 1}, set())
    assert judged.head.sources[0].source_id == "src_A1"


def test_an_unknown_key_is_counted_under_its_beginning(pipeline, build):
    judged = pipeline.judge(
        build.request([TRACK, TRACK], write_key="abcdefghijklmnop"), build.request([TRACK], write_key="zyxwvutsrqponm")
    )
    assert {(one.reason, one.event_name, one.count) for one in judged.head.outcomes} == {
        ("unknown_source", "abcdefgh…", 2),
        ("unknown_source", "zyxwvuts…", 1),
    }
    assert judged.head.sources[0].source_id == ""


def test_names_in_the_counts_are_bounded(pipeline, build):
    events = [TRACK | {"event": f"{number} " + "x" * 400, "messageId": f"m{number}"} for number in range(300)]
    judged = pipeline.judge(build.request(events))
    names = {one.event_name for one in judged.head.outcomes}
    assert len(names) == 201
    assert max(map(len, names)) == 255
    assert sum(one.count for one in judged.head.outcomes if one.event_name == "other") == 100


def test_an_empty_frame_is_answered_by_an_empty_frame(pipeline):
    judged = pipeline.judge()
    assert (judged.rows, judged.head.outcomes, judged.head.covers, judged.head.received_at) == ([], [], 1, 0)


def test_a_frame_over_four_mebibytes_becomes_parts_and_the_last_tells_the_outcomes(pipeline, build):
    big = "x" * 30_000
    events = [TRACK | {"messageId": f"m{number}", "properties": {"big": big}} for number in range(300)]
    judged = pipeline.judge(build.request(events))
    assert len(judged.heads) == 3
    assert [head.part for head in judged.heads] == [0, 1, 2]
    assert {head.parts for head in judged.heads} == {3}
    assert {head.covers for head in judged.heads} == {1}
    assert [bool(head.outcomes) for head in judged.heads] == [False, False, True]
    assert judged.ids == [f"m{number}" for number in range(300)]
    assert all(len(part.payload) < 5 << 20 for part in judged.answer.parts)


def test_browser_metadata_counts_towards_the_size_of_a_part(pipeline, build):
    metadata = {"bundled": ["x" * 30_000]}
    events = [TRACK | {"messageId": f"m{number}", "_metadata": metadata} for number in range(300)]
    judged = pipeline.judge(build.request(events))
    assert max(len(part.payload) for part in judged.answer.parts) < 5 << 20
    assert judged.ids == [f"m{number}" for number in range(300)]


def test_a_row_that_names_no_request_ends_as_internal(pipeline, build):
    record, events = build.request([TRACK])
    frame = build.frame((record, events))
    head, body = decoder.frame(frame)
    broken = AcceptedHead("w", 1, head.requests, [AcceptedRow(0, 5, 9, "m")])
    judge = FrameJudge(broken, body, pipeline.snapshots, pipeline.index, pipeline.claims, Rulebook())
    assert list(judge.slices()) == [None]
    assert judge.answer("e", 1).head.outcomes[0].reason == "internal"


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=6,
)
known = [
    "type", "userId", "anonymousId", "messageId", "event", "name", "category", "groupId", "previousId", "properties",
    "traits", "context", "integrations", "timestamp", "sentAt", "originalTimestamp", "receivedAt", "writeKey", "_metadata",
    "channel", "version", "projectId",
]  # fmt: skip
types = st.sampled_from(["track", "identify", "page", "screen", "group", "alias"])
hostile = st.fixed_dictionaries(
    {},
    optional=dict.fromkeys(known, anything)
    | {"type": types | anything, "userId": st.text(max_size=4) | anything, "event": st.text(max_size=4) | anything}
    | {
        "context": st.dictionaries(st.sampled_from(["ip", "direct", "library", "consent", "device"]), anything)
        | anything
    },
)


@settings(max_examples=2 * settings().max_examples, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    events=st.lists(hostile | anything, max_size=4),
    context=st.none() | anything,
    integrations=st.none() | anything,
    sent_at=anything,
    call=types | st.just("batch"),
    left_out=st.dictionaries(st.sampled_from(["event_too_large", "batch_limit_exceeded"]), st.integers(1, 9)),
)
def test_every_element_has_exactly_one_outcome(pipeline, build, events, context, integrations, sent_at, call, left_out):
    def raw(value):
        return json.dumps(value).encode("utf-8", "surrogatepass")

    record = RequestRecord(
        build.received_at,
        build.key,
        call,
        "203.0.113.9",
        sent_at=raw(sent_at),
        context=b"" if context is None else raw(context),
        integrations=b"" if integrations is None else raw(integrations),
        left_out=left_out,
    )
    judged = pipeline.judge((record, [raw(event) for event in events]))
    assert judged.total == len(events) + sum(left_out.values())
    assert judged.count("") == len(judged.rows) == len(judged.answer.claimed)
    assert judged.count("internal") == 0
    for event in judged.events:
        assert event["version"] == 2
        assert isinstance(event["context"], dict)
        assert isinstance(event["integrations"], dict)
        assert "writeKey" not in event
        assert "_metadata" not in event


@settings(max_examples=2 * settings().max_examples, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.binary(max_size=60)
    | st.binary(max_size=20).map(lambda noise: b'{"type":"track","userId":"u","event":"' + noise + b'"}')
)
def test_no_bytes_stop_the_judge(pipeline, build, data):
    judged = pipeline.judge(build.request([data]))
    assert judged.total == 1
    assert judged.count("internal") == 0
