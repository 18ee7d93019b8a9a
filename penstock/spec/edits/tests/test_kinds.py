"""Not to ask what an event's type and name have answered already shows in nothing."""

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from penstock.spec.edits.filters import Filters
from penstock.spec.edits.kinds import KINDS_LIMIT, NAME_LIMIT, ByKind
from penstock.spec.edits.transformations import Transformations
from penstock.spec.fql import Condition, compile_condition
from penstock.spec.snapshot import DestinationFilterSnapshot, FilterActionSnapshot, TransformationSnapshot

CONDITIONS = st.sampled_from(
    [
        "all",
        "event = 'E'",
        "type = 'track' and event = 'F'",
        "!(event = 'E') and properties.a",
        "properties.a and event = 'E'",
        "event.a = 1 or properties.a = 1",
        "!1",
    ]
)
VALUES = st.sampled_from([1, True, "a", {"a": 1}, [{"a": 1}]])
EVENTS = st.fixed_dictionaries(
    {"properties": st.dictionaries(st.sampled_from(["a", "b"]), VALUES)},
    optional={
        "type": st.sampled_from(["track", "identify", 7]),
        "event": st.sampled_from(["E", "F", "G", None, True, 1, {"a": 1}, ["x"]]),
    },
)
CHANGES = st.builds(
    TransformationSnapshot,
    st.sampled_from(["t1", "t2"]),
    CONDITIONS,
    st.sampled_from([False, False, False, True]),
    st.sampled_from(["", "E", "G"]),
    st.lists(st.just(("a", "b")), max_size=1),
    st.lists(st.tuples(st.sampled_from(["event", "properties.a"]), st.sampled_from(["E", "F"])), max_size=1),
)
ACTIONS = st.builds(
    FilterActionSnapshot,
    st.sampled_from(["DROP", "DROP_PROPERTIES", "DROP_PROPERTIES", "ALLOW_PROPERTIES"]),
    st.dictionaries(st.sampled_from(["", "properties"]), st.lists(st.sampled_from(["a", "b", "event"])), max_size=2),
)
FILTERS = st.lists(
    st.builds(
        DestinationFilterSnapshot,
        st.sampled_from(["f1", "f2", "f3"]),
        CONDITIONS | st.just("((("),
        st.lists(ACTIONS, min_size=1, max_size=3),
    ),
    max_size=3,
    unique_by=lambda each: each.id,
)


def asking_all(apply):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Condition, "settled", lambda *_: None)
        return msgspec.json.encode(apply())


@settings(max_examples=2 * settings().max_examples)
@given(EVENTS, st.lists(CHANGES, max_size=4))
def test_transformations_change_an_event_as_if_each_had_been_asked(event, changes):
    found = Transformations(changes).apply(event)
    assert msgspec.json.encode(found) == asking_all(lambda: Transformations(changes).apply(event))


@settings(max_examples=2 * settings().max_examples)
@given(EVENTS, FILTERS)
def test_filters_let_through_of_an_event_what_they_would_if_each_had_been_asked(event, filters):
    found = Filters(filters).apply(event, "m")
    assert msgspec.json.encode(found) == asking_all(lambda: Filters(filters).apply(event, "m"))


class Step:
    renames = False

    def __init__(self, condition):
        self.condition = compile_condition(condition)


def test_what_an_event_is_called_leaves_few_to_ask_and_names_do_not_pile_up():
    named, other = Step("event = 'E'"), Step("properties.a = 1")
    steps = ByKind([named, Step("event = 'F'"), other])
    for number in range(KINDS_LIMIT + 1):
        steps.may_act_on("track", f"Seen {number}")
    assert [step for _, step in steps.may_act_on("track", "E")] == [named, other]
    assert len(steps._known) == 2
    long = "E" * (NAME_LIMIT + 1)
    assert [step for _, step in steps.may_act_on("track", long)] == [other]
    assert len(steps._known) == 2, "nor does what a long one would hold"
