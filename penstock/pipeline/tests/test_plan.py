"""Stage 7 on frames: tracking plans and schema settings (protocols.md §4 to §7)."""

import pytest

from penstock.pipeline.steps.enforce_plan.clearance import NAME_LIMIT
from penstock.spec.routed import BLOCKED, ROUTED_TO_ALL
from penstock.spec.snapshot import ControlSnapshot, SchemaControlsSnapshot, TransformationSnapshot

SIGNUP = {
    "properties": {
        "properties": {
            "properties": {"plan": {"type": "string"}, "seats": {"type": "integer"}},
            "required": ["plan"],
        }
    }
}
PERSON = {"properties": {"traits": {"properties": {"email": {"type": "string"}}}}}
SEATS = {
    "type": "Invalid Type",
    "field": "properties.seats",
    "description": "Invalid type. Expected: integer, given: number",
}
COMMON = {"properties": {"context": {"required": ["app"]}}}


def signup(**properties):
    return {"type": "track", "event": "Signup", "userId": "u1", "messageId": "m1", "properties": properties}


@pytest.fixture
def planned(pipeline, build):
    """Judges one event, and more beside it, by the rules, with the settings of its source."""

    def judge(event, *rules, more=(), others=(), transformations=(), **controls):
        settings = SchemaControlsSnapshot(**controls)
        made = list(transformations)
        source = build.source(plan_id="tp_1", controls=settings, version=2, transformations=made)
        pipeline.snapshots = build.snapshots(source, *others, build.plan(*rules))
        return pipeline.judge(build.request([event, *more]))

    return judge


RULE = ("TRACK", "Signup", SIGNUP)
CLOSED = ControlSnapshot(allows_events_on_violations=False)


class TestTheWorkedMatrix:
    EVENT = signup(plan="pro", seats=2.5, ref="x")

    def test_all_allowed(self, planned):
        (event,) = planned(self.EVENT, RULE).events
        assert event["properties"] == {"plan": "pro", "seats": 2.5, "ref": "x"}
        assert event["context"]["protocols"] == {"sourceId": "src_A1", "violations": [SEATS]}

    def test_unplanned_properties_left_out(self, planned):
        track = ControlSnapshot(allows_unplanned_members=False)
        (event,) = planned(self.EVENT, RULE, track=track).events
        assert event["properties"] == {"plan": "pro", "seats": 2.5}
        told = {"sourceId": "src_A1", "omitted": ["ref"], "violations": [SEATS]}
        assert event["context"]["protocols"] == told

    def test_violating_properties_left_out_too(self, planned):
        track = ControlSnapshot(allows_unplanned_members=False, allows_members_on_violations=False)
        (event,) = planned(self.EVENT, RULE, track=track).events
        assert event["properties"] == {"plan": "pro"}
        told = {"sourceId": "src_A1", "omitted": ["ref"], "omitted_on_violation": ["seats"], "violations": [SEATS]}
        assert event["context"]["protocols"] == told

    @pytest.mark.parametrize("unplanned", [True, False])
    @pytest.mark.parametrize("violating", [True, False])
    def test_an_event_that_violates_its_rule_blocked_whatever_is_left_out(self, planned, unplanned, violating):
        track = ControlSnapshot(
            allows_unplanned_members=unplanned,
            allows_members_on_violations=violating,
            allows_events_on_violations=False,
        )
        judged = planned(self.EVENT, RULE, track=track)
        assert [row.fate for row in judged.rows] == [BLOCKED]
        assert judged.reasons == {"": 1, "schema_violation": 1}

    def test_a_name_in_the_wrong_case_is_not_planned(self, planned):
        event = signup(plan="pro") | {"event": "sign_up"}
        track = ControlSnapshot(allows_unplanned_events=False)
        assert planned(event, RULE, track=track).reasons == {"": 1, "unplanned": 1}

    def test_unless_settings_forbid_it_what_is_not_planned_goes_on_as_it_is(self, planned):
        (event,) = planned(signup(x=1) | {"event": "sign_up", "messageId": "m2"}, RULE).events
        assert event["properties"] == {"x": 1}
        assert "protocols" not in event["context"]


def test_an_event_that_is_as_planned_passes_byte_for_byte(pipeline, build, planned):
    event = {
        "type": "track",
        "event": "Signup",
        "userId": "u",
        "properties": {"plan": "a", "seats": 12345678901234567890},
    }
    (text,) = planned(event | {"messageId": "m1"}, RULE).texts
    pipeline.snapshots = build.snapshots(build.source())
    (other,) = pipeline.judge(build.request([event | {"messageId": "m2"}])).texts
    assert text == other.replace(b"m2", b"m1")


def test_numbers_that_nobody_touched_keep_their_digits_beside_what_is_left_out(planned):
    raw = (
        b'{"type":"track","event":"Signup","userId":"u","messageId":"m1",'
        b'"properties":{"plan":"a","debug":1,"seats":9007199254740993},"context":{"x":0.12345678901234567890}}'
    )
    (text,) = planned(raw, RULE, track=ControlSnapshot(allows_unplanned_members=False)).texts
    assert b'"properties":{"plan":"a","seats":9007199254740993}' in text
    assert b'"x":0.12345678901234567890' in text


class TestPeople:
    def test_traits_that_are_not_declared_are_left_out(self, planned):
        event = {"type": "identify", "userId": "u1", "traits": {"email": "a@b.c", "shoe": 44}}
        (found,) = planned(
            event, ("IDENTIFY", "", PERSON), identify=ControlSnapshot(allows_unplanned_members=False)
        ).events
        assert found["traits"] == {"email": "a@b.c"}
        assert found["context"]["protocols"]["omitted"] == ["shoe"]

    @pytest.mark.parametrize("type_", ["identify", "group"])
    def test_without_a_rule_for_them_every_trait_is_left_out(self, planned, type_):
        event = {"type": type_, "userId": "u1", "groupId": "g", "traits": {"email": "a@b.c"}}
        (found,) = planned(event, RULE, **{type_: ControlSnapshot(allows_unplanned_members=False)}).events
        assert found["traits"] == {}

    def test_traits_that_violate_are_left_out_by_their_own_setting(self, planned):
        event = {"type": "identify", "userId": "u1", "traits": {"email": 5, "shoe": 44}}
        control = ControlSnapshot(allows_members_on_violations=False)
        (found,) = planned(event, ("IDENTIFY", "", PERSON), identify=control).events
        assert found["traits"] == {"shoe": 44}

    def test_a_field_without_a_name_is_no_name_of_theirs(self, planned):
        event = {"type": "identify", "userId": "u1", "traits": {"email": 5}, "": 5}
        judged = planned(event, ("IDENTIFY", "", PERSON))
        assert judged.reasons == {"": 1}
        assert [found["context"]["protocols"]["violations"][0]["field"] for found in judged.events] == ["traits.email"]

    def test_the_settings_of_track_never_block_them(self, planned):
        event = {"type": "identify", "userId": "u1", "traits": {"email": 5}}
        track = ControlSnapshot(allows_unplanned_events=False, allows_events_on_violations=False, common="BLOCK")
        assert [row.fate for row in planned(event, ("IDENTIFY", "", PERSON), track=track).rows] == [ROUTED_TO_ALL]


@pytest.mark.parametrize("type_", ["page", "screen"])
def test_pages_and_screens_go_by_the_settings_of_track(planned, type_):
    event = {"type": type_, "name": "Home", "userId": "u1"}
    assert planned(event, RULE, track=ControlSnapshot(allows_unplanned_events=False)).reasons == {"": 1, "unplanned": 1}


@pytest.mark.parametrize("type_", ["page", "screen"])
def test_of_two_names_neither_is_cleared_by_the_rule_of_the_other(planned, type_):
    """What is cleared is remembered by name, whichever comes first."""
    rules = [(type_.upper(), "", {}), (type_.upper(), "Home", {"required": ["properties"]})]
    one, *more = ({"type": type_, "name": name, "userId": "u1"} for name in ("Shop", "Home", "Shop"))
    assert [row.fate for row in planned(one, *rules, more=more, track=CLOSED).rows] == [
        ROUTED_TO_ALL,
        BLOCKED,
        ROUTED_TO_ALL,
    ]


class TestTheCommonRule:
    def test_it_judges_every_event_and_is_told(self, planned):
        (event,) = planned({"type": "alias", "userId": "u1", "previousId": "p"}, ("COMMON", "", COMMON)).events
        assert event["context"]["protocols"]["violations"] == [
            {"type": "Required", "field": "context.app", "description": "context.app is required"}
        ]

    @pytest.mark.parametrize("type_", ["track", "identify", "group"])
    def test_it_blocks_by_the_setting_of_the_events_own_kind(self, planned, type_):
        event = {"type": type_, "event": "Signup", "userId": "u1", "groupId": "g", "properties": {"plan": "a"}}
        judged = planned(event, ("COMMON", "", COMMON), RULE, **{type_: ControlSnapshot(common="BLOCK")})
        assert judged.reasons == {"": 1, "common_schema_violation": 1}

    def test_it_leaves_out_what_violates_it(self, planned):
        common = {"properties": {"properties": {"properties": {"ref": {"type": "string"}}}}}
        control = ControlSnapshot(common="OMIT")
        (event,) = planned(signup(plan="a", ref=1), ("COMMON", "", common), RULE, track=control).events
        assert event["properties"] == {"plan": "a"}
        assert event["context"]["protocols"]["omitted_on_violation"] == ["ref"]

    def test_it_judges_what_the_own_rules_settings_left(self, planned):
        common = {"properties": {"properties": {"properties": {"seats": {"type": "integer"}}}}}
        control = ControlSnapshot(allows_members_on_violations=False, common="BLOCK")
        (event,) = planned(signup(plan="a", seats=2.5), ("COMMON", "", common), RULE, track=control).events
        assert event["properties"] == {"plan": "a"}

    def test_not_planned_and_violating_at_once_has_a_name_of_its_own(self, planned):
        event = signup() | {"event": "Other"}
        judged = planned(event, ("COMMON", "", COMMON), RULE, track=ControlSnapshot(allows_unplanned_events=False))
        assert judged.reasons == {"": 1, "unplanned_and_schema_violation": 1}


class TestWhatCannotBeLeftOut:
    @pytest.mark.parametrize("schema", [{"required": ["userId2"]}, {"properties": {"context": {"required": ["app"]}}}])
    def test_the_event_stays_where_the_violation_is_in_no_member(self, planned, schema):
        control = ControlSnapshot(allows_members_on_violations=False)
        (event,) = planned(signup(plan="a"), ("TRACK", "Signup", schema), track=control).events
        assert event["properties"] == {"plan": "a"}
        assert "omitted_on_violation" not in event["context"]["protocols"]

    def test_of_a_nested_failure_the_first_name_is_left_out(self, planned):
        schema = {"properties": {"properties": {"properties": {"a": {"properties": {"b": {"type": "string"}}}}}}}
        control = ControlSnapshot(allows_members_on_violations=False)
        (event,) = planned(signup(a={"b": 1, "c": 2}, d=1), ("TRACK", "Signup", schema), track=control).events
        assert event["properties"] == {"d": 1}


def test_what_a_client_forges_of_protocols_is_written_over_and_its_version_stays(planned):
    context = {"protocols": {"event_version": 1, "violations": [], "sourceId": "x", "own": 1}}
    (event,) = planned(signup(plan="a", seats=2.5) | {"context": context}, RULE).events
    told = {"event_version": 1, "own": 1, "sourceId": "src_A1", "violations": [SEATS]}
    assert event["context"]["protocols"] == told


def test_a_plan_of_thousands_of_unplanned_names_is_pruned_in_one_pass(planned):
    event = signup(plan="a", **{f"n{number}": number for number in range(3_000)})
    (found,) = planned(event, RULE, track=ControlSnapshot(allows_unplanned_members=False)).events
    assert found["properties"] == {"plan": "a"}
    assert len(found["context"]["protocols"]["omitted"]) == 3_000


def test_names_that_are_long_are_judged_as_others_and_not_remembered(planned, pipeline):
    long = "E" * (NAME_LIMIT + 1)
    for name in ("Signup", long):
        judged = planned(signup(seats=2.5) | {"event": name, "messageId": name[:50]}, ("TRACK", name, SIGNUP))
        assert len(judged.events[0]["context"]["protocols"]["violations"]) == 2
        source = pipeline.snapshots.sources["src_A1"]
        known = pipeline.rulebook.rules_of(source, pipeline.snapshots).clearances
        assert list(known) == ([] if name == long else [("track", name)])


class TestBlocked:
    TRACK = ControlSnapshot(allows_unplanned_events=False)

    def test_it_is_kept_as_it_was_admitted_so_that_it_can_be_judged_again(self, planned):
        judged = planned(signup(plan="a") | {"event": "Other"}, RULE, track=self.TRACK)
        (row,), (event,) = judged.rows, judged.events
        assert (row.fate, row.reason, row.message_id) == (BLOCKED, "unplanned", "m1")
        assert event["event"] == "Other"
        assert "protocols" not in event["context"]

    def test_it_has_its_message_id_so_that_it_is_not_blocked_twice(self, planned):
        event = signup(plan="a") | {"event": "Other"}
        planned(event, RULE, track=self.TRACK)
        assert planned(event, RULE, track=self.TRACK).reasons == {"duplicate": 1}


class TestForwarding:
    @pytest.fixture
    def other(self, build):
        return build.source("src_B2", key="other", plan_id="tp_1", controls=SchemaControlsSnapshot(TestBlocked.TRACK))

    def test_each_violation_becomes_an_event_of_the_other_source_in_the_same_frame(self, planned, other):
        judged = planned(signup(seats=2.5), RULE, others=[other], violations_to="src_B2")
        own, first, second = judged.events
        assert own["event"] == "Signup"
        assert [first["event"], second["event"]] == ["Violation Generated"] * 2
        assert {row.source for row in judged.rows[1:]} == {1}
        assert judged.head.sources[1].source_id == "src_B2"
        assert first["userId"] == "schema-violations"
        assert first["messageId"].startswith("sch-") and first["messageId"] != second["messageId"]
        assert (first["forwardedFromProject"], first["projectId"], first["integrations"]) == ("src_A1", "src_B2", {})
        assert first["properties"] == {
            "appVersion": "",
            "eventMessageID": "m1",
            "eventName": "Signup",
            "eventSentAt": own["sentAt"],
            "eventTimestamp": own["timestamp"],
            "eventType": "track",
            "sourceID": "src_A1",
            "sourceName": "src_A1",
            "sourceSlug": "src_a1",
            "trackingPlanID": "rs_1",
            "trackingPlanName": "Web",
            "violationDescription": "properties.plan is required",
            "violationField": "properties.plan",
            "violationType": "Required",
        }

    def test_app_and_library_come_along(self, planned, other):
        context = {"app": {"version": "3.1"}, "library": {"name": "x"}, "page": {}}
        judged = planned(signup(seats=1) | {"context": context}, RULE, others=[other], violations_to="src_B2")
        made = judged.events[1]
        assert made["context"] == {"app": {"version": "3.1"}, "library": {"name": "x"}}
        assert made["properties"]["appVersion"] == "3.1"

    def test_a_frame_that_is_judged_twice_makes_the_same_ids(self, planned, other, pipeline):
        first = planned(signup(), RULE, others=[other], violations_to="src_B2").ids
        for key in list(pipeline.index._database.keys()):
            pipeline.index._database.delete(key)
        assert planned(signup(), RULE, others=[other], violations_to="src_B2").ids == first

    def test_violations_are_forwarded_of_blocked_events_too(self, planned, other):
        control = ControlSnapshot(allows_events_on_violations=False)
        judged = planned(signup(), RULE, others=[other], track=control, violations_to="src_B2")
        assert [row.fate for row in judged.rows] == [BLOCKED, ROUTED_TO_ALL]

    def test_a_blocked_event_goes_whole_to_the_source_for_blocked_ones_and_is_not_blocked_there(self, planned, other):
        event = signup(x=1) | {"event": "Other"}
        judged = planned(event, RULE, others=[other], track=TestBlocked.TRACK, blocked_to="src_B2")
        kept, forwarded = judged.events
        assert [row.fate for row in judged.rows] == [BLOCKED, ROUTED_TO_ALL]
        assert forwarded["properties"] == {"x": 1}
        assert (forwarded["projectId"], forwarded["forwardedFromProject"]) == ("src_B2", "src_A1")
        assert forwarded["messageId"].startswith("fwd-") != kept["messageId"]

    def test_a_blocked_event_goes_there_digit_by_digit(self, planned, other):
        raw = (
            b'{"type":"track","event":"Other","userId":"u","messageId":"m1","properties":{"x":0.12345678901234567890}}'
        )
        judged = planned(raw, RULE, others=[other], track=TestBlocked.TRACK, blocked_to="src_B2")
        assert b'"properties":{"x":0.12345678901234567890}' in judged.texts[1]

    def test_what_is_judged_again_forwards_nothing_that_it_forwarded_when_it_came(
        self, planned, other, build, pipeline
    ):
        judged = planned(signup(), RULE, others=[other], track=CLOSED, violations_to="src_B2", blocked_to="src_B2")
        assert [row.fate for row in judged.rows] == [BLOCKED, ROUTED_TO_ALL, ROUTED_TO_ALL]
        again = pipeline.judge(build.request([judged.events[0]]), lap="replay-1")
        assert ([row.fate for row in again.rows], again.reasons) == ([BLOCKED], {}), "counted when it came"
        pipeline.snapshots.plans["tp_1"] = build.plan(("TRACK", "Signup", SIGNUP | {"required": ["traits"]}), version=2)
        stricter = pipeline.judge(build.request([judged.events[0]]), lap="replay-2")
        told = [event["properties"]["violationField"] for event in stricter.events[1:]]
        assert told == ["traits"]

    def test_an_event_that_was_only_trimmed_is_not_forwarded(self, planned, other):
        control = ControlSnapshot(allows_unplanned_members=False)
        judged = planned(signup(plan="a", x=1), RULE, others=[other], track=control, blocked_to="src_B2")
        assert len(judged.rows) == 1

    def test_what_is_forwarded_is_transformed_by_its_own_source(self, planned, build):
        renamed = TransformationSnapshot("t1", "event = 'Violation Generated'", new_event_name="Bad Event")
        other = build.source("src_B2", key="other", transformations=[renamed])
        judged = planned(signup(), RULE, others=[other], violations_to="src_B2")
        assert judged.events[1]["event"] == "Bad Event"

    def test_a_source_that_is_gone_or_off_gets_nothing_and_the_event_goes_on(self, planned, build):
        assert len(planned(signup(), RULE, violations_to="src_gone").rows) == 1
        off = build.source("src_B2", key="other", enabled=False)
        judged = planned(signup() | {"messageId": "m2"}, RULE, others=[off], violations_to="src_B2")
        assert len(judged.rows) == 1
        assert judged.count("source_disabled") == 1


def test_another_version_of_the_plan_judges_from_the_next_frame_on(pipeline, build):
    source = build.source(plan_id="tp_1", controls=SchemaControlsSnapshot(TestBlocked.TRACK))
    pipeline.snapshots = build.snapshots(source, build.plan(RULE))
    event = signup(plan="a") | {"event": "New"}
    assert pipeline.judge(build.request([event])).reasons == {"": 1, "unplanned": 1}
    pipeline.snapshots = build.snapshots(source, build.plan(RULE, ("TRACK", "New", {}), version=2))
    assert pipeline.judge(build.request([event | {"messageId": "m2"}])).reasons == {"": 1}


def test_a_source_whose_plan_is_not_there_yet_lets_its_events_pass(pipeline, build):
    pipeline.snapshots = build.snapshots(
        build.source(plan_id="tp_9", controls=SchemaControlsSnapshot(TestBlocked.TRACK))
    )
    assert pipeline.judge(build.request([signup()])).reasons == {"": 1}
