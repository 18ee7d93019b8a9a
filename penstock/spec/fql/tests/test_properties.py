"""What holds for every tree, every event and every text."""

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.spec.fql import FqlSyntaxError, Match, compile_condition, parse, parse_condition, show
from penstock.spec.fql.functions import FUNCTIONS
from penstock.spec.fql.tree import COMPARISONS, Call, Comparison, Junction, ListOf, Literal, Not, Path

KEYS = st.sampled_from(
    [
        "type",
        "event",
        "userId",
        "properties",
        "traits",
        "a",
        "b",
        "a.b",
        "in",
        "AND",
        "null",
        "all",
        "0",
        "é",
        "a b",
        "x-y",
    ]
)
TEXTS = st.text(st.characters(exclude_characters="'", exclude_categories=["Cs"]), max_size=6)
NUMBERS = st.integers(-(10**20), 10**20) | st.floats(allow_nan=False, allow_infinity=False)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS | st.text(max_size=3), inner, max_size=4),
    max_leaves=12,
)
EVENTS = st.dictionaries(KEYS, JSON, max_size=6)
_LEAVES = (
    st.builds(Literal, st.none() | st.booleans() | NUMBERS | TEXTS)
    | st.builds(Literal, st.just("it's"))
    | st.builds(Path, st.lists(KEYS, min_size=1, max_size=3).map(tuple))
)


def _calls(inner):
    def of(name):
        arguments = st.tuples(*[inner] * FUNCTIONS[name].arity)
        return st.builds(Call, st.just(name), arguments)

    return st.sampled_from(sorted(FUNCTIONS)).flatmap(of)


TREES = st.recursive(
    _LEAVES,
    lambda inner: (
        st.builds(Not, inner)
        | st.builds(ListOf, st.lists(inner, max_size=3).map(tuple))
        | st.builds(Comparison, st.sampled_from(COMPARISONS), inner, inner)
        | st.builds(Junction, st.sampled_from(["and", "or"]), st.lists(inner, min_size=2, max_size=3).map(tuple))
        | _calls(inner)
    ),
    max_leaves=12,
)


@given(TREES)
def test_a_printed_tree_is_read_back_as_it_was(tree):
    assert parse(show(tree)) == tree
    assert parse_condition(show(tree)) == tree


@given(TREES, EVENTS, st.sets(KEYS, max_size=4))
def test_what_is_settled_by_a_part_of_an_event_is_so_for_the_whole(tree, event, known):
    condition = compile_condition(show(tree))
    settled = condition.settled({name: event.get(name) for name in known})
    assert settled is None or condition.match(event) is (Match.YES if settled else Match.NO)


@pytest.mark.parametrize(
    ("text", "settled"),
    [
        ("event = 'E'", True),
        ("event = 'F' and properties.a = 1", False),
        ("event = 'E' and properties.a = 1", None),
        ("properties.a = 1 and event = 'F'", None),
        ("type != 'track' or match(event, 'E*')", True),
        ("event.a = null", True),
        ("length(type) and a", None),
    ],
)
def test_most_conditions_are_settled_by_what_kind_of_event_it_is(text, settled):
    assert compile_condition(text).settled({"type": "track", "event": "E"}) is settled


@given(TREES, EVENTS)
def test_no_evaluation_raises(tree, event):
    condition = compile_condition(show(tree))
    assert condition.match(event) in Match
    condition.value(event)


@given(TREES, EVENTS)
def test_an_evaluation_leaves_the_event_alone_and_says_the_same_again(tree, event):
    before = repr(event)
    condition = compile_condition(show(tree))
    assert condition.match(event) is condition.match(event)
    assert repr(event) == before


@given(st.text(st.sampled_from(string.ascii_lowercase[:4] + "()[]!=<>,.'\"\\ \n$é-0AND"), max_size=30))
def test_a_text_is_read_or_refused_with_a_place_inside_of_it(text):
    try:
        tree = parse(text)
    except FqlSyntaxError as error:
        lines = text.split("\n")
        assert 1 <= error.line <= len(lines)
        assert 1 <= error.column <= len(lines[error.line - 1]) + 1
    else:
        assert parse(show(tree)) == tree


@pytest.mark.parametrize("depth", [1, 31])
def test_what_is_nested_within_bounds_is_read(depth):
    assert parse("(" * depth + "a" + ")" * depth) == parse("a")
