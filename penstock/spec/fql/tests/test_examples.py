"""The evaluated examples, each a row of data."""

import json
from pathlib import Path

import pytest

from penstock.spec.fql import TYPE_ERROR, FqlSyntaxError, Match, compile_condition, parse, parse_condition, show

DATA = json.loads((Path(__file__).parent / "data" / "examples.json").read_text())
EXAMPLES = [dict(zip(DATA["columns"], row, strict=True)) for row in DATA["examples"]]
TYPES = {"null": type(None), "string": str}


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: f"{example['number']}: {example['expression']}")
def test_the_example_comes_out_as_expected(example):
    expected, text = example["expected"], example["expression"]
    if expected == "syntax error":
        with pytest.raises(FqlSyntaxError) as caught:
            parse(text)
        assert caught.value.line >= 1
        assert caught.value.column >= 1
        return
    condition = compile_condition(text)
    event = DATA["events"][example["event"]]
    value, match = condition.value(event), condition.match(event)
    if expected == "type error":
        assert (value, match) == (TYPE_ERROR, Match.ERROR)
    elif expected.startswith("no match"):
        assert isinstance(value, TYPES[expected.removeprefix("no match (").removesuffix(")")])
        assert match is Match.NO
    else:
        assert value is (expected == "true")
        assert match is (Match.YES if value else Match.NO)


@pytest.mark.parametrize(
    "example", [one for one in EXAMPLES if one["expected"] != "syntax error"], ids=lambda one: one["number"]
)
def test_the_example_printed_means_the_same(example):
    tree = parse_condition(example["expression"])
    assert parse_condition(show(tree)) == tree


def test_there_are_as_many_examples_as_there_were():
    assert len(EXAMPLES) == 165
