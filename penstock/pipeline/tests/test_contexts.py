"""A context that events of a request repeat is worked out once; that must not be seen from outside."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

CONTEXTS = [
    None,
    b"null",
    b"{}",
    b"[]",
    b'{"locale":"de"}',
    b'{"locale":"en","os":{"name":"x"}}',
    b'{"ip":"1.1.1.1"}',
    b'{"direct":true}',
    b'{"library":{"name":"amp"}}',
    b'{"n":123456789012345678901234567890}',
    b'{"os":"\\ud800"}',
    b'{"os":"\xff"}',
    b'{"n":1e400}',
]


def event(context, place=0):
    field = b"" if context is None else b',"context":' + context
    return b'{"type":"track","event":"E","userId":"u%d"%s}' % (place, field)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    contexts=st.lists(st.sampled_from(CONTEXTS), min_size=2, max_size=6),
    batch=st.sampled_from([b"", b'{"locale":"fr","os":{"version":1}}']),
    platform=st.sampled_from(["", "website"]),
)
def test_events_of_one_batch_are_delivered_as_if_each_came_alone(pipeline, build, contexts, batch, platform):
    pipeline.snapshots = build.snapshots(build.source(platform=platform))
    changes = {"context": batch, "peer": "203.0.113.9"}
    together = pipeline.judge(build.request([event(*one[::-1]) for one in enumerate(contexts)], **changes))
    alone = [pipeline.judge(build.request([event(*one[::-1])], **changes)) for one in enumerate(contexts)]
    assert [(one["context"], one["channel"]) for one in together.events] == [
        (one["context"], one["channel"]) for judged in alone for one in judged.events
    ]
    assert together.count("context_not_object") == sum(judged.count("context_not_object") for judged in alone)


@pytest.mark.parametrize("value", [b"[1]", rb'"\ud800"', b"7"])
def test_a_context_that_is_no_object_ends_each_event_that_repeats_it(pipeline, build, value):
    judged = pipeline.judge(build.request([event(value), event(value), event(b"{}"), event(value)]))
    assert judged.reasons == {"context_not_object": 3, "": 1}


def test_one_request_does_not_see_what_another_one_made_of_the_same_context(pipeline, build):
    same = event(b'{"direct":true}')
    first, second = pipeline.judge(
        build.request([same], peer="203.0.113.9", context=b'{"a":1}'), build.request([same], peer="198.51.100.7")
    ).events
    assert first["context"] == {"a": 1, "direct": True, "ip": "203.0.113.9"}
    assert second["context"] == {"direct": True, "ip": "198.51.100.7"}


def test_fields_that_the_api_does_not_name_are_kept_beside_what_is_mended(pipeline, build):
    sent = rb'{"type":"track","event":"E","userId":"u","own":2.50,"properties":{"a":"\ud800"},"traits":null}'
    judged = pipeline.judge(build.request([sent]))
    assert (judged.events[0]["own"], judged.events[0]["properties"]) == (2.5, {"a": "\ufffd"})
    assert "traits" not in judged.events[0]
    assert judged.answer.notes == {"lone_surrogate": 1}
