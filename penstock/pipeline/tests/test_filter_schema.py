"""Stage 8: schema filters of a source without a plan (protocols.md §8)."""

import pytest

from penstock.spec.routed import BLOCKED, ROUTED_TO_ALL
from penstock.spec.snapshot import SchemaControlsSnapshot, SchemaFiltersSnapshot, TransformationSnapshot


def track(name="Signup", **properties):
    return {"type": "track", "event": name, "userId": "u1", "messageId": "m1", "properties": properties}


def page(name="Cart"):
    return {"type": "page", "name": name, "userId": "u1", "messageId": "p1"}


@pytest.fixture
def filtered(pipeline, build):
    """Judges events with the filters of their source."""

    def judge(*events, blocked=(), omitted=(), others=(), **changes):
        filters = SchemaFiltersSnapshot(list(blocked), list(omitted))
        pipeline.snapshots = build.snapshots(build.source(filters=filters, version=2, **changes), *others)
        return pipeline.judge(build.request(list(events)))

    return judge


def test_an_event_is_blocked_by_its_exact_name_and_kept(filtered):
    events = [track("Noise", a=1), track("noise") | {"messageId": "m2"}]
    judged = filtered(*events, blocked=[("track", "Noise")])
    assert [(row.message_id, row.fate, row.reason) for row in judged.rows] == [
        ("m1", BLOCKED, "event_setting"),
        ("m2", ROUTED_TO_ALL, ""),
    ]
    assert judged.reasons == {"": 2, "event_setting": 1}
    assert judged.events[0]["properties"] == {"a": 1}


def test_where_the_source_keeps_none_it_is_counted_and_gone_with_its_message_id_taken(filtered):
    blocked = [("track", "Noise")]
    judged = filtered(track("Noise"), blocked=blocked, keeps_blocked=False)
    assert (judged.rows, judged.reasons) == ([], {"": 1, "event_setting": 1})
    assert filtered(track("Noise"), blocked=blocked, keeps_blocked=False).reasons == {"duplicate": 1}


def test_pages_are_blocked_by_name_and_those_without_one_too(filtered):
    events = [page(), page("Home") | {"messageId": "p2"}, {"type": "page", "userId": "u1", "messageId": "p3"}]
    judged = filtered(*events, blocked=[("page", "Cart"), ("page", "")])
    assert [row.message_id for row in judged.rows if row.fate == ROUTED_TO_ALL] == ["p2"]


def test_an_event_of_another_type_is_not_meant(filtered):
    assert filtered(track("Cart"), blocked=[("page", "Cart")]).reasons == {"": 1}


def test_properties_are_left_out_of_the_events_of_that_name_alone(filtered):
    events = [track(email="a@x.test", plan="pro"), track("Login", email="a@x.test") | {"messageId": "m2"}]
    judged = filtered(*events, omitted=[("track", "Signup", "email")])
    assert [event["properties"] for event in judged.events] == [{"plan": "pro"}, {"email": "a@x.test"}]


def test_traits_are_left_out_of_all_events_of_their_kind(filtered):
    person = {"type": "identify", "userId": "u1", "messageId": "i1", "traits": {"ssn": "1", "name": "Ann"}}
    group = {"type": "group", "userId": "u1", "groupId": "g", "messageId": "g1", "traits": {"ssn": "1"}}
    judged = filtered(person, group, omitted=[("identify", "", "ssn")])
    assert [event["traits"] for event in judged.events] == [{"name": "Ann"}, {"ssn": "1"}]


def test_what_stays_keeps_its_spelling(filtered):
    text = b'{"type":"track","event":"Signup","userId":"u","messageId":"m","properties":{"big":123456789012345678901,"x":1.50,"email":"e"}}'
    judged = filtered(text, omitted=[("track", "Signup", "email")])
    assert b'"big":123456789012345678901' in judged.texts[0]
    assert b'"x":1.50' in judged.texts[0]


def test_an_event_without_properties_passes(filtered):
    event = {"type": "track", "event": "Signup", "userId": "u1", "messageId": "m1"}
    assert filtered(event, omitted=[("track", "Signup", "email")]).reasons == {"": 1}


def test_a_plan_switches_them_off(filtered, build):
    plan = build.plan(("TRACK", "Other", {}))
    judged = filtered(track(email="e"), blocked=[("track", "Signup")], plan_id="tp_1", others=[plan])
    assert judged.reasons == {"": 1}


def test_they_come_before_the_transformations(filtered):
    rename = TransformationSnapshot("t1", "all", new_event_name="Noise")
    judged = filtered(track("Loud"), blocked=[("track", "Noise")], transformations=[rename])
    assert judged.events[0]["event"] == "Noise"


def test_what_is_blocked_is_forwarded_where_the_settings_say_so_and_not_filtered_there(filtered, build):
    same = SchemaFiltersSnapshot([("track", "Noise")])
    other = build.source("src_B", key="other", filters=same)
    controls = SchemaControlsSnapshot(blocked_to="src_B")
    judged = filtered(track("Noise"), blocked=[("track", "Noise")], controls=controls, others=[other])
    assert [(row.fate, event["projectId"]) for row, event in zip(judged.rows, judged.events, strict=True)] == [
        (BLOCKED, "src_A1"),
        (ROUTED_TO_ALL, "src_B"),
    ]


def test_the_inventory_tells_what_came_and_not_what_was_left(filtered):
    from penstock.spec.findings import decode_findings

    judged = filtered(track(email="e"), track("Noise") | {"messageId": "m2"}, blocked=[("track", "Noise")])
    assert {one.event_name for one in decode_findings(judged.head.findings).seen} == {"Signup", "Noise"}
