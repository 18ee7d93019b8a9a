"""The tree of an expression. Equal trees mean the same, whatever blanks and parentheses their texts had."""

from collections.abc import Iterable
from typing import Any

import msgspec


class Literal(msgspec.Struct, frozen=True, tag=True):
    """A string, a number, a boolean or null."""

    value: str | int | float | bool | None

    def __eq__(self, other: object) -> bool:
        # `1`, `1.0` and `true` are three literals, though Python finds them equal.
        return isinstance(other, Literal) and type(self.value) is type(other.value) and self.value == other.value

    def __hash__(self) -> int:
        return hash((type(self.value), self.value))


class ListOf(msgspec.Struct, frozen=True, tag=True):
    """`[a, b]`."""

    items: tuple[Any, ...]


class Path(msgspec.Struct, frozen=True, tag=True):
    """Keys from the top of the event, unescaped."""

    keys: tuple[str, ...]


class Call(msgspec.Struct, frozen=True, tag=True):
    """A known function with as many arguments as it takes."""

    function: str
    arguments: tuple[Any, ...]


class Not(msgspec.Struct, frozen=True, tag=True):
    operand: Any


class Comparison(msgspec.Struct, frozen=True, tag=True):
    """`operator` is one of COMPARISONS. Comparisons do not chain."""

    operator: str
    left: Any
    right: Any


class Junction(msgspec.Struct, frozen=True, tag=True):
    """`operator` is `and` or `or`; two operands or more, as they stood beside each other."""

    operator: str
    operands: tuple[Any, ...]


class All(msgspec.Struct, frozen=True, tag=True):
    """The whole condition `all`: every event."""


Node = Literal | ListOf | Path | Call | Not | Comparison | Junction
COMPARISONS = ("=", "!=", "<", "<=", ">", ">=", "in")


def names_read(node: Any) -> frozenset[str]:
    """The names at the top of an event that an expression looks at."""
    if isinstance(node, Path):
        return frozenset(node.keys[:1])
    if isinstance(node, msgspec.Struct):
        inner: Iterable[Any] = (getattr(node, name) for name in node.__struct_fields__)
    else:
        inner = node if isinstance(node, tuple) else ()
    return frozenset().union(*map(names_read, inner))
