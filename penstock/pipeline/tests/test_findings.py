"""What frames tell of names and violations, and what becomes of it in facts."""

import msgspec
import pytest

from penstock.pipeline.found import Found
from penstock.pipeline.judging.shapes import CHARACTERS_LIMIT
from penstock.pipeline.names import Names
from penstock.spec.findings import VALUE_TYPES, decode_findings
from penstock.spec.snapshot import ControlSnapshot, SchemaControlsSnapshot

SCHEMA = {"properties": {"properties": {"properties": {"seats": {"type": "integer"}}, "required": ["plan"]}}}
ITEMS = {
    "properties": {"properties": {"properties": {"items": {"items": {"properties": {"sku": {"type": "string"}}}}}}}
}
COMMON = {"properties": {"context": {"required": ["app"]}}}
DAY_MS = 86_400_000


def track(message_id, name="Signup", **properties):
    return {"type": "track", "event": name, "userId": "u1", "messageId": message_id, "properties": properties}


def seen_in(judged):
    """(type, name): (events, {path: (events, {type: values})})."""
    found = Found()
    found.add(judged.head, 0, Names(1_000))
    return {
        (event.event_type, event.event_name): (event.count, {each.path: told(each) for each in event.properties})
        for event in found.seen()
    }


def told(seen):
    return seen.count, {name: number for name, number in zip(VALUE_TYPES, seen.types, strict=True) if number}


def violations_in(judged):
    return [
        (one.event_name, one.rule_type, one.rule_version, one.field, one.kind, one.count)
        for one in decode_findings(judged.head.findings).violations
    ]


class TestShapes:
    def test_events_and_their_names_are_counted_exactly_with_their_types(self, pipeline, build):
        events = [track(f"a{number}", plan="pro", seats=2) for number in range(2)]
        events += [track("b", plan="pro"), track("c", plan=None), track("d", seats=2.5)]
        judged = pipeline.judge(build.request(events))
        count, properties = seen_in(judged)["track", "Signup"]
        assert count == 5
        assert properties["plan"] == (4, {"string": 3, "null": 1})
        assert properties["seats"] == (3, {"integer": 2, "number": 1})

    def test_what_objects_and_arrays_hold_is_seen_by_its_path(self, pipeline, build):
        products = [{"sku": "a", "price": 1.5}, {"sku": "b"}]
        judged = pipeline.judge(build.request([track("m", products=products, cart={"id": "c", "deep": {"x": True}})]))
        _, properties = seen_in(judged)["track", "Signup"]
        assert properties["products"] == (1, {"array": 1})
        assert properties["products.$"] == (1, {"object": 1})
        assert properties["products.$.sku"] == properties["cart.id"] == (1, {"string": 1})
        assert properties["products.$.price"] == (1, {"number": 1})
        assert properties["cart.deep.x"] == (1, {"boolean": 1})

    def test_traits_of_people_and_names_of_pages_are_seen_too(self, pipeline, build):
        person = {"type": "identify", "userId": "u1", "messageId": "i", "traits": {"email": "a@x.test"}}
        page = {"type": "page", "name": "Cart", "userId": "u1", "messageId": "p", "properties": {"path": "/"}}
        other = {"type": "alias", "userId": "u1", "previousId": "u0", "messageId": "a"}
        seen = seen_in(pipeline.judge(build.request([person, page, other])))
        assert seen["identify", ""] == (1, {"email": (1, {"string": 1})})
        assert seen["page", "Cart"] == (1, {"path": (1, {"string": 1})})
        assert seen["alias", ""] == (1, {})

    def test_a_type_that_one_of_many_events_has_is_seen_on_every_level(self, pipeline, build):
        prices = [10, 20, 9.99, 5, "12"]
        events = [track(f"m{one}", price=price, cart={"price": price}) for one, price in enumerate(prices)]
        events += [track("i1", items=[{"n": 1}] * 3), track("i2", items=[*[{"n": 1}] * 5, {"n": None}, "x"])]
        _, properties = seen_in(pipeline.judge(build.request(events)))["track", "Signup"]
        assert properties["price"] == (5, {"integer": 3, "number": 1, "string": 1})
        assert properties["cart.price"][1] == {"integer": 3, "number": 1, "string": 1}
        assert properties["items.$"][1] == {"object": 2, "string": 1}
        assert properties["items.$.n"][1] == {"integer": 2, "null": 1}

    def test_names_and_types_of_many_events_are_one_shape(self, pipeline, build):
        judged = pipeline.judge(build.request([track(f"m{number}", seats=number) for number in range(1_000)]))
        assert seen_in(judged)["track", "Signup"] == (1_000, {"seats": (1_000, {"integer": 1_000})})
        assert judged.head.outcomes[0].count == 1_000

    def test_values_are_never_told(self, pipeline, build):
        judged = pipeline.judge(build.request([track("m", plan="a-secret", cart={"id": "a-secret"})]))
        assert b"a-secret" not in judged.head.findings

    def test_what_is_refused_or_comes_again_is_not_seen(self, pipeline, build):
        refused = {"type": "track", "userId": "u1", "messageId": "x"}
        assert pipeline.judge(build.request([refused])).head.findings == b""
        assert pipeline.judge(build.request([track("m1")]), lap="lap").head.findings == b""

    def test_names_that_senders_make_up_are_bounded(self, pipeline, build):
        events = [track(f"m{number}", f"Event {number}", **{f"p{number}": 1}) for number in range(300)]
        events.append(track("wide", "Event 0", **{f"q{number}": 1 for number in range(400)}))
        seen = seen_in(pipeline.judge(build.request(events)))
        assert len(seen) == 201
        assert seen["track", "other"][0] == 100
        assert len(seen["track", "Event 0"][1]) == 301
        assert seen["track", "Event 0"][1]["other"] == (101, {"integer": 101})

    def test_long_names_in_deep_objects_stay_within_the_bytes_of_a_frame(self, pipeline, build):
        wide = {f"{'n' * 250}{number}": {f"i{inner}": 1 for inner in range(100)} for number in range(60)}
        judged = pipeline.judge(build.request([track(f"m{one}", f"{'e' * 200}{one}", **wide) for one in range(40)]))
        assert len(judged.head.findings) < 2 * CHARACTERS_LIMIT
        assert sum(count for count, _ in seen_in(judged).values()) == 40

    def test_what_is_forwarded_is_no_event_of_the_source_that_gets_it(self, pipeline, build):
        controls = SchemaControlsSnapshot(violations_to="src_B")
        source = build.source(plan_id="tp_1", controls=controls)
        other = build.source("src_B", key="other")
        pipeline.snapshots = build.snapshots(source, other, build.plan(("TRACK", "Signup", SCHEMA)))
        judged = pipeline.judge(build.request([track("m1")]))
        assert len(judged.rows) == 2
        assert list(seen_in(judged)) == [("track", "Signup")]


class TestViolations:
    @pytest.fixture
    def planned(self, pipeline, build):
        def judge(events, *rules, **controls):
            source = build.source(plan_id="tp_1", controls=SchemaControlsSnapshot(**controls))
            pipeline.snapshots = build.snapshots(source, build.plan(*rules))
            return pipeline.judge(build.request(events))

        return judge

    def test_violations_are_counted_by_event_rule_and_kind(self, planned):
        events = [track("m1", seats=2.5), track("m2", seats="x", plan="p"), track("m3", plan="p", seats=1)]
        judged = planned(events, ("TRACK", "Signup", SCHEMA, 2), ("COMMON", "", COMMON))
        assert sorted(violations_in(judged)) == [
            ("Signup", "COMMON", 1, "context.app", "Required", 3),
            ("Signup", "TRACK", 2, "properties.plan", "Required", 1),
            ("Signup", "TRACK", 2, "properties.seats", "Invalid Type", 2),
        ]

    def test_violations_of_blocked_events_are_counted_too(self, planned):
        controls = {"track": ControlSnapshot(allows_events_on_violations=False)}
        judged = planned([track("m1", seats=1)], ("TRACK", "Signup", SCHEMA), **controls)
        assert judged.reasons == {"": 1, "schema_violation": 1}
        assert violations_in(judged) == [("Signup", "TRACK", 1, "properties.plan", "Required", 1)]

    def test_items_of_an_array_count_as_one_field(self, planned):
        judged = planned([track("m1", items=[{"sku": 1}, {"sku": 2}])], ("TRACK", "Signup", ITEMS))
        assert violations_in(judged) == [("Signup", "TRACK", 1, "properties.items.$.sku", "Invalid Type", 2)]

    def test_the_last_events_and_what_was_wrong_with_them_are_told(self, planned):
        judged = planned([track(f"m{number}", seats=1) for number in range(20)], ("TRACK", "Signup", SCHEMA))
        (one,) = decode_findings(judged.head.findings).violations
        assert one.samples == [(f"m{number}", "properties.plan is required") for number in (17, 18, 19)]


class TestFacts:
    def test_frames_are_summed_by_source_and_day(self, pipeline, build):
        pipeline.snapshots = build.snapshots(build.source(plan_id="tp_1"), build.plan(("TRACK", "Signup", SCHEMA)))
        found, names = Found(), Names(1_000)
        for number in range(3):
            at = build.received_at + number * DAY_MS // 2
            judged = pipeline.judge(build.request([track(f"m{number}", seats=1)], received_at=at))
            found.add(judged.head, 0, names)
        seen = sorted(found.seen(), key=lambda one: one.day)
        assert [(one.source_id, one.event_name, one.count) for one in seen] == [
            ("src_A1", "Signup", 2),
            ("src_A1", "Signup", 1),
        ]
        assert seen[0].last - seen[0].first == DAY_MS // 2
        violated = sorted(found.violated(), key=lambda one: one.day)
        assert [one.count for one in violated] == [2, 1]
        assert [sample.message_id for sample in violated[0].samples] == ["m0", "m1"]

    def test_names_with_addresses_are_kept_nowhere(self, pipeline, build):
        """They are a person's, and no deletion looks for them among names."""
        strict = {"properties": {"properties": {"additionalProperties": False, "properties": {"plan": {}}}}}
        pipeline.snapshots = build.snapshots(build.source(plan_id="tp_1"), build.plan(("TRACK", "Signup", strict)))
        address = "ada@mail.example"
        held = {"plan": 1, address: 1, "contacts": {address: {"phone": 1}}}
        judged = pipeline.judge(build.request([track("m1", **held), track("m2", f"Of {address}", plan=1)]))
        found = Found()
        found.add(judged.head, 0, Names(1_000))
        (seen,) = found.seen()
        assert (seen.event_name, [each.path for each in seen.properties]) == ("Signup", ["plan", "contacts"])
        assert sum(one.count for one in found.violated()) >= 2
        assert address not in repr((seen, found.violated()))

    def test_findings_that_cannot_be_read_cost_nobody_anything(self, pipeline, build):
        judged = pipeline.judge(build.request([track("m1")]))
        found = Found()
        found.add(msgspec.structs.replace(judged.head, findings=b"\xc1"), 0, Names(1_000))
        assert found.seen() == []

    def test_a_source_has_a_thousand_names_a_day(self, pipeline, build):
        found, names = Found(), Names(1_000)
        for start in range(0, 1_200, 100):
            events = [track(f"m{start + number}", f"Event {start + number}") for number in range(100)]
            found.add(pipeline.judge(build.request(events)).head, 0, names)
        counts = {one.event_name: one.count for one in found.seen()}
        assert (len(counts), counts["other"]) == (1_001, 200)
