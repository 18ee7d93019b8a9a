"""What spares work where rules judge shows in nothing, whatever the rules are: of an event only that part is opened
which they look at, and an event that a plan has nothing to say of is not gone through by the settings.
"""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.pipeline.dedupe import Claims
from penstock.pipeline.judging import rules
from penstock.pipeline.judging.judge import FrameJudge
from penstock.pipeline.judging.rules import Rulebook
from penstock.pipeline.lived import Seen
from penstock.pipeline.steps import enforce_plan
from penstock.spec import accepted
from penstock.spec.snapshot import (
    ControlSnapshot,
    HashSnapshot,
    SchemaControlsSnapshot,
    SchemaFiltersSnapshot,
    TransformationSnapshot,
)

TYPES = st.sampled_from(["track", "track", "identify", "page", "screen", "group", "alias"])
NAMES = st.sampled_from(["a", "b", "c"])
SCALARS = st.sampled_from(
    [b"1", b"1.50", b"1e2", b"true", b"null", b'"a"', b'"\\u0061"', b'""', b"18446744073709551617", b"[]", b'[{"a":1}]']
)


def _object(members):
    return b"{" + b",".join(msgspec.json.encode(name) + b":" + text for name, text in members) + b"}"


MEMBERS = st.lists(
    st.tuples(NAMES, SCALARS | st.lists(st.tuples(NAMES, SCALARS), max_size=2).map(_object)), max_size=4
).map(_object)
CONTEXTS = st.sampled_from(
    [
        b'{"app":{"version":"1"},"a":1.0}',
        b'{"protocols":{"event_version":2,"omitted":["z"]}}',
        b'{"protocols":5}',
        b"{}",
    ]
)
TOP = st.fixed_dictionaries(
    {"type": TYPES.map(msgspec.json.encode), "userId": st.just(b'"u"'), "own": SCALARS},
    optional={
        "event": st.sampled_from([b'"E"', b'"E"', b'"F"']),
        "name": st.sampled_from([b'"E"', b"null"]),
        "groupId": st.just(b"7"),
        "previousId": st.just(b'"p"'),
        "category": st.just(b'"a"'),
        "properties": MEMBERS,
        "traits": MEMBERS,
        "context": CONTEXTS,
        "integrations": st.sampled_from([b'{"All":false}', b"null"]),
        "version": SCALARS,
        "": SCALARS,
        "_metadata": st.just(b'{"bundled":[]}'),
    },
)
EVENTS = st.lists(TOP.map(lambda found: _object([*found.items()])), min_size=1, max_size=3)

PLACES = st.sampled_from(
    ["properties", "traits", "context", "event", "name", "category", "integrations", "own", "", "version", "userId"]
)
OF_VALUES = st.sampled_from(
    [{}, {"type": "string"}, {"type": "object"}, {"required": ["a"]}, {"properties": {"a": {"type": "integer"}}}, False]
)
OF_HOLDERS = st.dictionaries(NAMES, OF_VALUES).map(lambda found: {"properties": found})
KEYWORDS = st.fixed_dictionaries(
    {"properties": st.dictionaries(PLACES, OF_VALUES | OF_HOLDERS, max_size=4)},
    optional={
        "required": st.lists(PLACES, max_size=2, unique=True),
        "additionalProperties": st.just(False),
        "patternProperties": st.just({"^o": {"type": "string"}}),
        "minProperties": st.just(14),
        "labels": st.just({"team": "a"}),
        "propertyNames": st.just({"pattern": "^[a-z]"}),
        "dependencies": st.just({"own": ["category"]}),
        "not": st.just({"required": ["own"]}),
    },
)
RULES = st.lists(
    st.tuples(
        st.sampled_from([("COMMON", ""), ("TRACK", "E"), ("IDENTIFY", ""), ("PAGE", "E"), ("TRACK", "Screen Viewed")]),
        KEYWORDS,
        st.sampled_from([1, 2]),
    ),
    max_size=4,
    unique_by=lambda rule: (rule[0], rule[2]),
)

CONDITIONS = st.sampled_from(
    ["all", "event = 'E'", "properties.a = 1", "own = 1", "length(userId) = 1", "context.app.version = '1'", "traits.a"]
)
PATHS = st.sampled_from(["properties.a", "traits.b", "context.a", "own", "category", "integrations.All", "context.n.m"])
MOVED = st.sampled_from(["a", "b", "c", "a.b", "properties.a", "traits.a"])
CHANGES = st.builds(
    TransformationSnapshot,
    st.sampled_from(["t1", "t2"]),
    CONDITIONS,
    st.sampled_from([False, False, False, True]),
    st.sampled_from(["", "E", "G"]),
    st.lists(st.tuples(MOVED, MOVED), max_size=3),
    st.lists(st.tuples(PATHS, st.just("EUR")), max_size=2),
    st.lists(st.tuples(PATHS, st.sampled_from(["messageId", "properties.a", "category", "context.app", "own"]))),
    st.none() | st.lists(MOVED, max_size=2),
    st.none() | st.builds(HashSnapshot, st.just("SHA256"), st.lists(PATHS, max_size=2)),
)
CONTROL = st.builds(
    ControlSnapshot,
    *[st.booleans()] * 4,
    st.sampled_from(["ALLOW", "BLOCK", "OMIT"]),
)
CONTROLS = st.builds(
    SchemaControlsSnapshot, CONTROL, CONTROL, CONTROL, st.sampled_from(["", "src_B"]), st.sampled_from(["", "src_B"])
)
FILTERS = st.builds(
    SchemaFiltersSnapshot,
    st.lists(st.tuples(TYPES, st.sampled_from(["", "E"])), max_size=2),
    st.lists(st.tuples(TYPES, st.sampled_from(["", "E"]), NAMES), max_size=3),
)
CONFIGURED = st.tuples(RULES, st.sampled_from(["tp_1", ""]), CONTROLS, FILTERS, st.lists(CHANGES, max_size=2))


def judged(frame, snapshots):
    """All that comes of a frame, judged anew by rules that are compiled anew."""
    judge = FrameJudge(*accepted.decoder.frame(frame), snapshots, Seen(), Claims(), Rulebook())
    for _ in judge.slices():
        pass
    return [part.payload for part in judge.answer("engine1", 1).parts]


def configuration(build, configured):
    """Sources with these rules, in a snapshot."""
    planned, plan_id, controls, filters, changes = configured
    own = build.source(plan_id=plan_id, controls=controls, transformations=changes, filters=filters)
    other = build.source("src_B", "wk2", transformations=changes[:1])
    plan = build.plan(*[(*kind, schema, version) for kind, schema, version in planned])
    return build.snapshots(own, other, plan)


@given(EVENTS, CONFIGURED)
def test_a_part_of_an_event_is_judged_as_the_whole_one(build, events, configured):
    snapshots, frame = configuration(build, configured), build.frame(build.request(events))
    found = judged(frame, snapshots)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rules, "part_of", lambda _: None)
        assert found == judged(frame, snapshots)


@given(EVENTS, CONFIGURED)
def test_what_is_cleared_by_its_kind_comes_out_as_if_it_had_been_judged(build, events, configured):
    snapshots, frame = configuration(build, configured), build.frame(build.request(events))
    found = judged(frame, snapshots)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(enforce_plan, "is_cleared", lambda *_: False)
        assert found == judged(frame, snapshots)
