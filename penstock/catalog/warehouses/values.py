"""Logical types and the one way from a JSON value to a value of such a type (warehouses.md §8).

A value that a type cannot hold becomes None with a problem; one that it holds only nearly is stored, with a problem.
Nothing is ever changed without one. A number that is spelled with a point or an exponent is a float, also `5.0`.
"""

import math
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from penstock.catalog.warehouses.discards import DiscardKind

INTEGER_LOWEST = -(2**63)
INTEGER_HIGHEST = 2**63 - 1
_NUMBER = re.compile(r"[+-]?\d{1,400}(\.\d{1,400})?([eE][+-]?\d{1,4})?")
_DATE_LENGTH = 10
_LONGEST_TIME = 40
_TRUE = frozenset(("true", "t", "1"))
_FALSE = frozenset(("false", "f", "0"))

Problem = tuple[int, DiscardKind]


class LogicalType(StrEnum):
    TIMESTAMP = "timestamp"
    INTEGER = "integer"
    FLOAT = "float"
    BOOLEAN = "boolean"
    VARCHAR = "varchar"


def logical_type_of(value: object) -> LogicalType:
    """The type that a column gets from this value, which is not null, an object or an array."""
    if value is True or value is False:
        return LogicalType.BOOLEAN
    if isinstance(value, int):
        return LogicalType.INTEGER
    if isinstance(value, float):
        return LogicalType.FLOAT
    return LogicalType.VARCHAR if parse_time(str(value)) is None else LogicalType.TIMESTAMP


def parse_time(text: str) -> datetime | None:
    """`text` as a naive UTC moment where it is an ISO-8601 date or date-time with dashes, else None."""
    length = len(text)
    if not _DATE_LENGTH <= length <= _LONGEST_TIME or text[4] != "-" or text[7] != "-":
        return None
    if length > _DATE_LENGTH and text[_DATE_LENGTH] not in "T ":
        return None
    try:
        moment = datetime.fromisoformat(text)
        return moment if moment.tzinfo is None else moment.astimezone(UTC).replace(tzinfo=None)
    except (ValueError, OverflowError):
        return None


def converted(values: Sequence[Any], logical_type: LogicalType) -> tuple[list[Any], list[Problem]]:
    """`values` as that type, and the problems by index. A column of one kind costs no look at each value."""
    kinds = set(map(type, values))
    if kinds == {_NATIVE.get(logical_type)} and _fits(values, logical_type):
        return list(values), []
    convert = _CONVERT[logical_type]
    results: list[Any] = []
    problems: list[Problem] = []
    for index, value in enumerate(values):
        result, problem = convert(value)
        results.append(result)
        if problem is not None:
            problems.append((index, problem))
    return results, problems


_NATIVE: dict[LogicalType, type] = {
    LogicalType.INTEGER: int,
    LogicalType.FLOAT: float,
    LogicalType.BOOLEAN: bool,
    LogicalType.VARCHAR: str,
}


def _fits(values: Sequence[Any], logical_type: LogicalType) -> bool:
    if logical_type is LogicalType.INTEGER:
        return bool(min(values) >= INTEGER_LOWEST and max(values) <= INTEGER_HIGHEST)
    if logical_type is LogicalType.FLOAT:
        return float("inf") not in values and float("-inf") not in values
    return True


Converted = tuple[Any, DiscardKind | None]
_FAILED: Converted = (None, DiscardKind.CAST_FAILED)


def as_text(value: Any) -> str:
    """A scalar as the text that JSON has for it."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    return repr(value)


def _to_varchar(value: Any) -> Converted:
    return as_text(value), None


def _to_integer(value: Any) -> Converted:
    if isinstance(value, str):
        number = _number(value)
        return _FAILED if number is None else _to_integer(number)
    if isinstance(value, float):
        if not math.isfinite(value):
            return None, DiscardKind.OUT_OF_RANGE
        rounded, problem = _to_integer(round(value))
        return rounded, problem or (None if rounded == value else DiscardKind.PRECISION_LOST)
    if INTEGER_LOWEST <= value <= INTEGER_HIGHEST:
        return int(value), None
    return None, DiscardKind.OUT_OF_RANGE


def _to_float(value: Any) -> Converted:
    if isinstance(value, str):
        number = _number(value)
        return _FAILED if number is None else _to_float(number)
    try:
        result = float(value)
    except OverflowError:
        return None, DiscardKind.OUT_OF_RANGE
    if result in (float("inf"), float("-inf")):
        return None, DiscardKind.OUT_OF_RANGE
    return result, None if result == value else DiscardKind.PRECISION_LOST


def _to_boolean(value: Any) -> Converted:
    if isinstance(value, bool):
        return value, None
    text = value.strip().lower() if isinstance(value, str) else as_text(value).removesuffix(".0")
    if text in _TRUE:
        return True, None
    return (False, None) if text in _FALSE else _FAILED


def _to_timestamp(value: Any) -> Converted:
    moment = parse_time(value.strip()) if isinstance(value, str) else None
    return _FAILED if moment is None else (moment, None)


def _number(text: str) -> int | float | None:
    """The number that `text` spells, exactly where it is an integer."""
    stripped = text.strip()
    match = _NUMBER.fullmatch(stripped)
    if match is None:
        return None
    return float(stripped) if match.group(1) or match.group(2) else int(stripped)


_CONVERT = {
    LogicalType.VARCHAR: _to_varchar,
    LogicalType.INTEGER: _to_integer,
    LogicalType.FLOAT: _to_float,
    LogicalType.BOOLEAN: _to_boolean,
    LogicalType.TIMESTAMP: _to_timestamp,
}
