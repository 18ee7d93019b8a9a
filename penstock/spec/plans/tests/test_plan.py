import msgspec
import pytest

from penstock.spec.plans import Plan
from penstock.spec.snapshot import PlanSnapshot, RuleSnapshot


def rule(type_, key="", version=1.0, schema=None):
    return RuleSnapshot(type_, key, version, msgspec.json.encode(schema or {}))


def plan(*rules):
    return Plan(PlanSnapshot("tp_1", "ws1", 1, "Web", list(rules)))


def track(event, **context):
    return {"type": "track", "event": event, "context": context}


class TestWhichRuleJudges:
    def test_a_tracked_event_goes_by_its_name_letter_by_letter(self):
        found = plan(rule("TRACK", "Order Completed"))
        assert found.rule_for("track", track("Order Completed")) is not None
        assert found.rule_for("track", track("order completed")) is None
        assert found.rule_for("track", track("Order  Completed")) is None

    @pytest.mark.parametrize("type_", ["identify", "group"])
    def test_identify_and_group_have_one_rule_each(self, type_):
        found = plan(rule(type_.upper(), "whatever it is called"))
        assert found.rule_for(type_, {"type": type_}) is not None
        assert plan(rule("TRACK", "x")).rule_for(type_, {"type": type_}) is None

    @pytest.mark.parametrize(("type_", "stand_in"), [("page", "Page Viewed"), ("screen", "Screen Viewed")])
    def test_a_page_goes_by_its_name_then_by_the_nameless_rule_then_by_the_event_of_that_name(self, type_, stand_in):
        named, nameless, tracked = (
            rule(type_.upper(), "Home", 1),
            rule(type_.upper(), "", 2),
            rule("TRACK", stand_in, 3),
        )
        event = {"type": type_, "name": "Home"}
        assert plan(tracked, nameless, named).rule_for(type_, event).version == 1
        assert plan(tracked, nameless, named).rule_for(type_, {"type": type_}).version == 2
        assert plan(tracked, nameless).rule_for(type_, event).version == 2
        assert plan(tracked).rule_for(type_, event).version == 3
        assert plan(rule("TRACK", "Home")).rule_for(type_, event) is None

    def test_alias_has_the_common_rule_alone(self):
        found = plan(rule("COMMON"))
        assert found.rule_for("alias", {"type": "alias"}) is None
        assert found.common is not None


class TestVersions:
    PLAN = plan(rule("TRACK", "Invoice Paid", 2), rule("TRACK", "Invoice Paid", 1))

    def judged_by(self, asked):
        return self.PLAN.rule_for("track", track("Invoice Paid", protocols={"event_version": asked})).version

    def test_an_event_is_judged_by_the_version_that_it_names(self):
        assert (self.judged_by(1), self.judged_by(2)) == (1, 2)

    @pytest.mark.parametrize("asked", [None, 3, 3.2, 2.0, "2", True, [2]])
    def test_any_other_goes_by_the_oldest(self, asked):
        assert self.judged_by(asked) == 1

    def test_an_event_that_names_none_goes_by_the_oldest(self):
        assert self.PLAN.rule_for("track", track("Invoice Paid")).version == 1


class TestUnplanned:
    @staticmethod
    def unplanned(schema, members):
        (found,) = [plan(rule("TRACK", "e", 1, {"properties": {"properties": schema}}))]
        return found.rule_for("track", track("e")).unplanned("properties", members)

    def test_what_is_not_declared_is_not_planned(self):
        assert self.unplanned({"properties": {"a": {}}}, {"a": 1, "b": 2}) == [("b",)]

    def test_objects_are_looked_into_where_their_names_are_declared(self):
        schema = {"properties": {"a": {"properties": {"b": {}}}, "free": {"type": "object"}}}
        assert self.unplanned(schema, {"a": {"b": 1, "c": 2}, "free": {"x": 1}}) == [("a", "c")]

    def test_items_of_arrays_are_looked_into_and_a_name_is_told_once(self):
        schema = {"properties": {"products": {"items": {"properties": {"sku": {}}}}}}
        members = {"products": [{"sku": 1, "debug": 1}, {"debug": 2}, "x"]}
        assert self.unplanned(schema, members) == [("products", "$", "debug")]

    def test_a_rule_that_declares_nothing_plans_nothing(self):
        assert self.unplanned({}, {"a": 1}) == [("a",)]


def test_a_rule_that_cannot_be_compiled_judges_nothing_and_says_so():
    broken = plan(rule("TRACK", "e", 1, {"type": "Number"})).rule_for("track", track("e"))
    assert broken.violations(track("e")) == []
    assert "draft-07" in broken.broken


@pytest.mark.parametrize("required", [5, [["x"]]])
def test_a_rule_whose_required_names_are_none_judges_nothing(required):
    broken = plan(rule("TRACK", "e", 1, {"required": required})).rule_for("track", track("e"))
    assert broken.violations(track("e")) == []
    assert broken.broken
