"""Random expressions and events, from a seed, about the same few fields so that conditions often hold."""

import random
from typing import Any

from penstock.spec.fql.tree import Call, Comparison, Junction, ListOf, Literal, Node, Not, Path

TEXTS = ["", "a", "ab", "Order Completed", "order completed", "2.10.3", "2.9", "a/b-c", "x]y"]
WIDE_TEXTS = [*TEXTS, "São", "a😀b", "é"]
NUMBERS = [0, 1, -1, 2, 3, 3.5, 42.5, 1000000]
PATTERNS = [
    "*",
    "Order*",
    "*ed",
    "?",
    "a?*",
    "[a-c]*",
    "[^a]*",
    "a\\*b",
    "*[0-9]*",
    "a[b",
    "[x-]",
    "[]a]",
    "ab\\",
    "*/b*",
    "[]-a]",
]
ORDERINGS = ["<", "<=", ">", ">="]
VERSION_OPERATORS = ["=", "!=", "<", "<=", ">", ">=", "~"]
UNKNOWN_THERE = ["uppercase", "snakecase", "kebabcase", "titlecase", "bool", "string", "number"]
PRESENT = [
    ("event",),
    ("type",),
    ("properties", "text"),
    ("properties", "number"),
    ("properties", "flag"),
    ("properties", "null"),
]
ELSEWHERE = [
    ("properties", "missing"),
    ("missing", "deep", "er"),
    ("properties", "list"),
    ("properties", "object"),
    ("properties", "object", "a"),
    ("properties", "a.b"),
    ("properties", "list", "0"),
    ("properties", "text", "length"),
]


class Questions:
    """`is_plain` leaves out all that is known to differ."""

    def __init__(self, seed: int, *, is_plain: bool) -> None:
        self._dice = random.Random(seed)
        self._is_plain = is_plain

    def event(self) -> dict[str, Any]:
        dice = self._dice
        texts = TEXTS if self._is_plain else WIDE_TEXTS
        properties: dict[str, Any] = {
            "text": dice.choice(texts),
            "number": dice.choice(NUMBERS),
            "flag": dice.random() < 0.5,
            "null": None,
            "list": [dice.choice([*texts, *NUMBERS, True, None]) for _ in range(dice.randrange(4))],
            "object": {"a": dice.choice(texts), "b": 1},
            "a.b": dice.choice(NUMBERS),
        }
        if not self._is_plain:
            properties["number"] = dice.choice([*NUMBERS, dice.choice(texts)])
        return {"type": dice.choice(["track", "page"]), "event": dice.choice(texts), "properties": properties}

    def condition(self, depth: int = 3) -> Node:
        dice = self._dice
        kind = dice.randrange(4) if depth else 3
        if kind == 0:
            operands = tuple(self.condition(depth - 1) for _ in range(dice.randrange(2, 4)))
            return Junction(dice.choice(["and", "or"]), operands)
        if kind == 1:
            return Not(self.condition(depth - 1))
        return self._leaf()

    def _leaf(self) -> Node:
        dice = self._dice
        kinds = [
            self._equality,
            self._ordering,
            self._membership,
            self._contains,
            self._match,
            self._semver,
            self._bare,
        ]
        return dice.choice(kinds)()

    def _equality(self) -> Node:
        return Comparison(self._dice.choice(["=", "!="]), self._side(), self._side())

    def _ordering(self) -> Node:
        return Comparison(self._dice.choice(ORDERINGS), self._side(), self._side())

    def _membership(self) -> Node:
        dice = self._dice
        if not self._is_plain and dice.random() < 0.4:
            return Comparison("in", self._side(), self._path())
        items = tuple(self._literal() for _ in range(dice.randrange(4)))
        left = Path(dice.choice(PRESENT)) if self._is_plain else self._side()
        return Comparison("in", left, ListOf(items))

    def _contains(self) -> Node:
        return Call("contains", (self._argument(), self._argument()))

    def _match(self) -> Node:
        dice = self._dice
        pattern = Literal(dice.choice(PATTERNS)) if dice.random() < 0.8 else self._argument()
        return Call("match", (self._argument(), pattern))

    def _semver(self) -> Node:
        operator = Literal(self._dice.choice(VERSION_OPERATORS))
        return Call("semver", (self._argument(), operator, self._argument()))

    def _bare(self) -> Node:
        dice = self._dice
        if self._is_plain:
            return (
                Path(("properties", dice.choice(["flag", "null"])))
                if dice.random() < 0.8
                else Literal(dice.random() < 0.5)
            )
        return self._path()

    def _side(self) -> Node:
        """Of a comparison: there a function's result is understood."""
        dice = self._dice
        chance = dice.random()
        if chance < 0.25:
            return self._function()
        if not self._is_plain and chance < 0.35:
            return ListOf(tuple(self._literal() for _ in range(dice.randrange(3))))
        return self._argument()

    def _function(self) -> Node:
        dice = self._dice
        if self._is_plain:
            subject = dice.choice([("event",), ("type",), ("properties", "text"), ("properties", "null")])
            name = dice.choice(["lowercase", "length"])
            return Call(name, (Path(subject),))
        name = dice.choice(["lowercase", "length", "typeof", dice.choice(UNKNOWN_THERE)])
        return Call(name, (self._argument(),))

    def _argument(self) -> Node:
        dice = self._dice
        chance = dice.random()
        if not self._is_plain and chance < 0.1:
            return self._function()
        return self._path() if chance < 0.7 else self._literal()

    def _path(self) -> Node:
        dice = self._dice
        if self._is_plain or dice.random() < 0.6:
            return Path(dice.choice(PRESENT))
        return Path(dice.choice(ELSEWHERE))

    def _literal(self) -> Literal:
        texts = TEXTS if self._is_plain else WIDE_TEXTS
        return Literal(self._dice.choice([*texts, *NUMBERS, True, False, None]))
