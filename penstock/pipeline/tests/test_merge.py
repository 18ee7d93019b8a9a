import json

import pytest

TRACK = {"type": "track", "event": "E", "userId": "u1"}


def test_the_documented_batch_is_merged_as_documented(pipeline, build):
    events = [
        {"type": "identify", "userId": "u1", "traits": {"plan": "pro"}},
        {
            "type": "track",
            "userId": "u1",
            "event": "Quiz Started",
            "context": {"device": {"id": "d9"}},
            "integrations": {"Mixpanel": True},
        },
    ]
    request = build.request(events, context=b'{"device":{"type":"phone"}}', integrations=b'{"Mixpanel":false}')
    first, second = pipeline.judge(request).events
    assert (first["context"], first["integrations"]) == ({"device": {"type": "phone"}}, {"Mixpanel": False})
    assert second["context"] == {"device": {"type": "phone", "id": "d9"}}
    assert second["integrations"] == {"Mixpanel": True}


def test_context_is_merged_deeply_and_the_event_wins(pipeline):
    event = pipeline.one(
        TRACK | {"context": {"a": {"b": {"own": 1}, "c": [1]}, "d": 1, "e": {"f": 1}}},
        context=b'{"a":{"b":{"own":2,"batch":2},"c":[2,3]},"d":{"x":2},"e":2,"g":{"h":2}}',
    )
    assert event["context"] == {
        "a": {"b": {"own": 1, "batch": 2}, "c": [1]},
        "d": 1,
        "e": {"f": 1},
        "g": {"h": 2},
    }


def test_integrations_are_merged_at_the_first_level_alone(pipeline):
    event = pipeline.one(
        TRACK | {"integrations": {"Amplitude": {"session_id": 9}}},
        integrations=b'{"Amplitude":{"device":1},"All":false}',
    )
    assert event["integrations"] == {"Amplitude": {"session_id": 9}, "All": False}


def test_a_null_of_the_event_does_not_hide_the_batchs_value(pipeline):
    event = pipeline.one(TRACK | {"context": {"locale": None, "own": None}}, context=b'{"locale":"de"}')
    assert event["context"] == {"locale": "de", "own": None}


def test_a_null_of_the_batch_is_absent(pipeline):
    event = pipeline.one(TRACK | {"context": {"a": 1}}, context=b"null", integrations=b"null")
    assert (event["context"], event["integrations"]) == ({"a": 1}, {})


def test_merged_values_keep_every_digit(pipeline, build):
    own = b'{"type":"track","event":"E","userId":"u","context":{"a":{"n":123456789012345678901234567890},"f":1.10}}'
    (text,) = pipeline.judge(build.request([own], context=b'{"a":{"m":9223372036854775808}}')).texts
    assert b'"n":123456789012345678901234567890' in text
    assert b'"m":9223372036854775808' in text
    assert b'"f":1.10' in text


@pytest.mark.parametrize(
    ("field", "reason"), [("context", "context_not_object"), ("integrations", "integrations_not_object")]
)
@pytest.mark.parametrize("value", [[], "x", 1, True])
def test_what_is_no_object_ends_the_event(pipeline, field, reason, value):
    assert pipeline.one(TRACK | {field: value}) == reason
    assert pipeline.one(TRACK, **{field: json.dumps(value).encode()}) == reason


def test_a_batch_field_with_a_lone_surrogate_is_mended(pipeline):
    assert pipeline.one(TRACK, context=rb'{"os":{"name":"\ud800"}}')["context"] == {"os": {"name": "�"}}


def test_a_batch_context_nested_too_deep_ends_its_events(pipeline):
    deep = b'{"a":' * 200 + b"1" + b"}" * 200
    assert pipeline.one(TRACK, context=deep) == "context_not_object"
    assert pipeline.one(b'{"type":"track","event":"E","userId":"u","context":' + deep + b"}") == "bad_request"
