"""Answers to queries: bounded in rows and bytes, with values that JSON has."""

import base64
import math
from collections.abc import Callable, Sequence
from datetime import date, datetime, time
from typing import Any

from penstock.spec.calls import QueryResult

STATEMENT_LIMIT = 256 * 1024
_BYTES_LIMIT = 32 << 20
_CHUNK = 256
_SCALAR = 16
_LOWEST, _HIGHEST = -(1 << 63), (1 << 64) - 1
"""Integers that the wire holds. Sums are wider: those beyond become text, exact, as decimals do."""


def answer(
    names: list[str], types: list[str], fetch: Callable[[int], Sequence[Sequence[Any]]], row_limit: int
) -> QueryResult:
    """The rows that `fetch(count)` gives, until there are none or too many.

    What is fetched is held: so few at first, then as many as there is room for where none is larger than the largest.
    """
    rows: list[list[Any]] = []
    size = largest = 0
    count = 1
    while found := fetch(count):
        for row in found:
            values = [_plain(value) for value in row]
            largest = max(largest, weight := _weight(values))
            if weight > _BYTES_LIMIT:
                return refusal(f"a row has more than the {_BYTES_LIMIT >> 20} MB that an answer may have")
            if len(rows) >= row_limit or size + weight > _BYTES_LIMIT:
                return QueryResult(names, types, rows, is_truncated=True)
            size += weight
            rows.append(values)
        count = max(1, min(2 * count, _CHUNK, row_limit + 1 - len(rows), (_BYTES_LIMIT - size) // largest))
    return QueryResult(names, types, rows, is_truncated=False)


def refusal(reason: str) -> QueryResult:
    return QueryResult([], [], [], False, reason)


def _plain(value: Any) -> Any:
    """A value of the engine as JSON has it: times ISO, decimals and intervals as text, bytes base64, integers exact."""
    if value is None or isinstance(value, str | bool):
        return value
    if isinstance(value, int):
        return value if _LOWEST <= value <= _HIGHEST else str(value)
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if isinstance(value, dict):
        return {str(_plain(key)): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set):
        return [_plain(item) for item in value]
    return _text(value)


def _weight(value: Any) -> int:
    """Bytes that a value takes in an answer, about."""
    if isinstance(value, str):
        return len(value)
    if isinstance(value, dict):
        return _SCALAR + sum(len(key) + _weight(item) for key, item in value.items())
    if isinstance(value, list):
        return _SCALAR + sum(map(_weight, value))
    return _SCALAR


def _text(value: Any) -> str:
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    if isinstance(value, bytes | bytearray | memoryview):
        return base64.b64encode(value).decode()
    return str(value)
