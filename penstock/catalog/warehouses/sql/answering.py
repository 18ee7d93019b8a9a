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
_LOWEST, _HIGHEST = -(1 << 63), (1 << 64) - 1
"""Integers that the wire holds. Sums are wider: those beyond become text, exact, as decimals do."""


def answer(
    names: list[str], types: list[str], fetch: Callable[[int], Sequence[Sequence[Any]]], row_limit: int
) -> QueryResult:
    """The rows that `fetch(count)` gives, until there are none or too many."""
    rows: list[list[Any]] = []
    size = 0
    is_truncated = False
    while not is_truncated and (found := fetch(min(_CHUNK, row_limit + 1))):
        for row in found:
            if len(rows) >= row_limit or size > _BYTES_LIMIT:
                is_truncated = True
                break
            values = [_plain(value) for value in row]
            size += sum(len(value) if isinstance(value, str) else 16 for value in values)
            rows.append(values)
    return QueryResult(names, types, rows, is_truncated)


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


def _text(value: Any) -> str:
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    if isinstance(value, bytes | bytearray | memoryview):
        return base64.b64encode(value).decode()
    return str(value)
