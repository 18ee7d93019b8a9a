"""What of an expression its author cannot mean, though it can be read (fql.md §6)."""

from collections.abc import Iterator
from typing import Any

import msgspec

from penstock.spec.fql.parser import parse_condition
from penstock.spec.fql.printer import show
from penstock.spec.fql.tree import Comparison, Literal

_ORDERING = frozenset({"<", "<=", ">", ">="})


def doubt_of(text: str) -> str:
    """Reads after the name of what holds the expression; empty where there is none. Raises FqlSyntaxError."""
    for each in _comparisons(parse_condition(text)):
        if each.operator in _ORDERING and (_is_text(each.left) or _is_text(each.right)):
            return f"has {show(each)}, which is never true: {each.operator} compares numbers, no texts"
    return ""


def _comparisons(node: Any) -> Iterator[Comparison]:
    if isinstance(node, Comparison):
        yield node
    inner = [getattr(node, name) for name in node.__struct_fields__] if isinstance(node, msgspec.Struct) else node
    for each in inner if isinstance(inner, list | tuple) else ():
        yield from _comparisons(each)


def _is_text(node: Any) -> bool:
    return isinstance(node, Literal) and isinstance(node.value, str)
