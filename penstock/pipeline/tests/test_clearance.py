"""What is cleared by its kind is what judging would let pass as it is, and find nothing in.

Asked of the plan alone, event by event, which costs a hundredth of judging frames (`test_parts.py` does that).
"""

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from penstock.pipeline.judging.rules import Rulebook
from penstock.pipeline.judging.wire import WireEvent
from penstock.pipeline.steps.enforce_plan.clearance import is_cleared
from penstock.pipeline.steps.enforce_plan.enforcement import enforced
from penstock.spec.plans import compile_schema
from penstock.spec.snapshot import ControlSnapshot, SchemaControlsSnapshot

NAMES = st.sampled_from(["a", "b"])
VALUES = st.sampled_from([1, "x", None, [], {}, {"a": 1}, {"b": "x"}, [{"a": 1}], [{"b": "x"}, 1]])
OF_VALUES = st.sampled_from(
    [
        {},
        {"type": "integer"},
        {"type": ["string", "null"]},
        {"type": "object", "properties": {"a": {"type": "integer"}}},
        {"type": "array", "items": {"type": "object", "properties": {"a": {}}}},
        {"required": ["a"]},
        False,
    ]
)
OF_HOLDERS = st.fixed_dictionaries(
    {"properties": st.dictionaries(NAMES, OF_VALUES, max_size=2)},
    optional={"required": st.lists(NAMES, max_size=1), "additionalProperties": st.booleans()},
)


def schemas(*holders):
    """Mostly of one holder, as rules are written, and now and then of more."""
    members = st.dictionaries(st.sampled_from(holders), OF_HOLDERS, max_size=2)
    optional = {
        "required": st.lists(st.sampled_from(holders), max_size=2, unique=True),
        "type": st.sampled_from(["object", "array"]),
        "not": st.just({"required": ["own"]}),
        "minProperties": st.sampled_from([1, 9]),
    }
    found = st.fixed_dictionaries({"properties": members}, optional=optional)
    needed = st.lists(st.sampled_from(holders[1:]), min_size=1, max_size=1)
    return st.fixed_dictionaries({"properties": members, "required": needed}) | found


TRACKED = schemas("properties", "properties", "properties", "traits", "own")
TRAITS = schemas("traits", "traits", "properties", "own")
VERSIONS = {("TRACK", "E", 1): TRACKED, ("TRACK", "E", 2): TRACKED}
RULES = st.fixed_dictionaries(VERSIONS) | st.fixed_dictionaries(
    {("TRACK", "E", 1): TRACKED},
    optional={
        ("IDENTIFY", "", 1): TRAITS,
        ("GROUP", "", 1): TRAITS,
        ("PAGE", "E", 1): TRACKED,
        ("PAGE", "", 1): TRACKED,
        ("TRACK", "Screen Viewed", 1): TRACKED,
        ("COMMON", "", 1): schemas("properties", "traits", "context", "own"),
    },
)
CONTROL = st.builds(ControlSnapshot, *[st.booleans()] * 4, st.sampled_from(["ALLOW", "BLOCK", "OMIT"]))
CONTROLS = st.builds(SchemaControlsSnapshot, CONTROL, CONTROL, CONTROL)
MEMBERS = st.dictionaries(NAMES, VALUES, max_size=2)
EVENTS = st.lists(
    st.fixed_dictionaries(
        {
            "type": st.sampled_from(["track", "track", "track", "identify", "group", "page", "screen", "alias"]),
            "event": st.sampled_from(["E", "E", "F"]),
            "name": st.sampled_from(["E", "F", None]),
            "context": st.sampled_from([{}, {"protocols": {"event_version": 2}}]),
        },
        optional={
            "properties": MEMBERS,
            "traits": MEMBERS,
            "own": MEMBERS,
        },
    ),
    min_size=4,
    max_size=8,
)


@settings(max_examples=2 * settings().max_examples)
@given(EVENTS, RULES, CONTROLS)
def test_what_is_cleared_goes_on_as_it_is_without_a_violation(build, events, planned, controls):
    source = build.source(plan_id="tp_1", controls=controls)
    plan = build.plan(*[(kind, key, schema, version) for (kind, key, version), schema in planned.items()])
    snapshots = build.snapshots(source, plan)
    rules = Rulebook().rules_of(source, snapshots)
    for event in events:
        opened = {name: value for name, value in event.items() if name in rules.names}
        wire = msgspec.convert({name: event.get(name) for name in ("type", "event", "name")}, WireEvent)
        if is_cleared(rules, rules.plan, wire, opened):
            rule = rules.plan.rule_for(event["type"], event)
            judged = enforced(rules.plan, rule, controls, source.id, event)
            assert (judged.document, judged.reason, judged.violations) == (event, None, [])
            for each in (rule, rules.plan.common):
                assert each is None or compile_schema(each.schema).is_valid(event), "by the validator alone"
