"""What filters take out of events, here and by the official code."""

import random

from penstock.spec.edits.filters import Filters
from penstock.spec.snapshot import DestinationFilterSnapshot, FilterActionSnapshot

COUNT = 5_000
KEYS = ["a", "b", "c", "type", "messageId", "properties", "traits"]
OFFICIAL = {"DROP_PROPERTIES": ("drop_properties", "drop"), "ALLOW_PROPERTIES": ("allow_properties", "allow")}


def value(dice, depth=3):
    kind = dice.randrange(4) if depth else 0
    if kind in (0, 1):
        return dice.choice([1, "x", None, True, 1.5])
    if kind == 2:
        return {key: value(dice, depth - 1) for key in dice.sample(KEYS, dice.randrange(4))}
    # Arrays in arrays are left alone here; the official code deletes their elements.
    return [value(dice, 0) if dice.random() < 0.5 else {"a": 1, "b": value(dice, 0)} for _ in range(dice.randrange(3))]


def fields(dice):
    paths = [".".join(dice.sample(KEYS, dice.randrange(1, 4))) for _ in range(dice.randrange(1, 3))]
    if dice.random() < 0.3:
        paths.append("")
    return {path: dice.sample(KEYS, dice.randrange(4)) for path in paths}


def test_the_same_properties_go(oracle):
    dice = random.Random(31)
    asked, ours = [], []
    for _ in range(COUNT):
        event = {"type": "track", "messageId": "m"} | {key: value(dice) for key in dice.sample(KEYS[:3] + KEYS[5:], 4)}
        action = dice.choice(sorted(OFFICIAL))
        wanted = fields(dice)
        kept = lasting(action, wanted)
        name, key = OFFICIAL[action]
        asked.append({"event": event, "transformers": [{"type": name, "config": {key: kept}}]})
        snapshot = DestinationFilterSnapshot("f", "all", [FilterActionSnapshot(action, wanted)])
        ours.append(Filters([snapshot]).apply(event, "m").event)
    changed = 0
    for question, mine, answer in zip(asked, ours, oracle.ask(asked), strict=True):
        assert mine == answer["value"], question
        changed += mine != question["event"]
    assert changed > COUNT / 4


def lasting(action, wanted):
    """As the official code must be asked to spare `type` and `messageId`, which we always do."""
    if "" not in wanted:
        return wanted
    spared = {"type", "messageId"}
    names = set(wanted[""])
    return wanted | {"": sorted(names | spared if action == "ALLOW_PROPERTIES" else names - spared)}
