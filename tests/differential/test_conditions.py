"""The same filters on the same events, here and by the official evaluator that SDKs run on devices."""

import json
from collections import Counter
from pathlib import Path

import msgspec

from penstock.spec.fql import Match, compile_condition, parse, show, to_device_form
from tests.differential.differences import NOTES, notes_of
from tests.differential.questions import Questions

COUNT = 10_000
SEED = 20_117
DATA = Path(__file__).parents[2] / "penstock/spec/fql/tests/data/examples.json"
EXAMPLES = json.loads(DATA.read_text())


def asked(*, is_plain):
    """(tree, event) as text tells it: what is compared went through printer, parser and compiler."""
    questions = Questions(SEED, is_plain=is_plain)
    return [(parse(show(questions.condition())), questions.event()) for _ in range(COUNT)]


def answers(oracle, pairs):
    """(tree, event, our match, their answer or `thrown`)."""
    questions = [{"event": event, "ir": msgspec.json.encode(to_device_form(tree)).decode()} for tree, event in pairs]
    for (tree, event), answer in zip(pairs, oracle.ask(questions), strict=True):
        yield tree, event, compile_condition(show(tree)).match(event), answer.get("value", "thrown")


def test_where_nothing_is_known_to_differ_nothing_does(oracle):
    ours = Counter()
    for tree, event, match, theirs in answers(oracle, asked(is_plain=True)):
        ours[match] += 1
        assert theirs is (match is Match.YES), (show(tree), event, match, theirs)
    print(ours)
    assert ours[Match.ERROR] == 0
    assert min(ours[Match.YES], ours[Match.NO]) > COUNT / 4


def test_every_difference_has_a_note(oracle):
    counts, same = Counter(), 0
    for tree, event, match, theirs in answers(oracle, asked(is_plain=False)):
        if theirs is (match is Match.YES) and match is not Match.ERROR:
            same += 1
            continue
        notes = notes_of(tree, event, is_type_error=match is Match.ERROR)
        assert notes, (show(tree), event, match, theirs)
        counts.update(notes)
    print(f"{same} of {COUNT} are the same; differences may be due to {dict(counts.most_common())}")
    assert set(counts) == set(NOTES)
    assert same > COUNT / 3


def test_the_examples_differ_by_the_notes_that_their_table_gives(oracle):
    rows = [row for row in EXAMPLES["examples"] if row[-1] != "n/a"]
    pairs = [(parse(expression), EXAMPLES["events"][event]) for _, event, expression, *_ in rows]
    differing = Counter()
    for row, (tree, event, match, theirs) in zip(rows, answers(oracle, pairs), strict=True):
        told, _, note = row[-1].partition(" ")
        assert theirs == {"true": True, "false": False, "throws": "thrown"}[told], row
        if note:
            differing[note] += 1
            assert note in notes_of(tree, event, is_type_error=match is Match.ERROR), row
        else:
            assert theirs is (match is Match.YES), row
    assert len(rows) == 151
    assert set(differing) == set(NOTES) - {"own"}
    assert differing.total() == 28
