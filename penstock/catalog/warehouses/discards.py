"""What could not be stored as it was sent: counted without exception, kept up to a bound."""

from collections import Counter
from enum import StrEnum

import msgspec

VALUE_LIMIT = 512
KEPT_LIMIT = 1_000
_NOTICE_LIMIT = 20
_NAMES_LIMIT = 2_000


class DiscardKind(StrEnum):
    """Why; the words are stored in the target and shown in sync records."""

    CAST_FAILED = "cast_failed"
    OUT_OF_RANGE = "out_of_range"
    PRECISION_LOST = "precision_lost"
    RESERVED_NAME = "reserved_name"
    COLLISION = "collision"
    NO_NAME = "no_name"
    TOO_MANY_COLUMNS = "too_many_columns"
    TOO_MANY_TABLES = "too_many_tables"
    TRUNCATED = "truncated"
    UNREADABLE = "unreadable"
    NOT_A_TABLE = "not_a_table"


class Discard(msgspec.Struct, frozen=True):
    """One value that is missing or inexact in the target, and the row that it belongs to."""

    table: str
    column: str
    row_id: str
    value: str
    kind: str


class Discards:
    """Those of one source in one load. `limit` bounds what is kept whole; what comes after is only counted."""

    def __init__(self, limit: int = KEPT_LIMIT) -> None:
        self._limit = limit
        self._counts: Counter[tuple[str, str, str]] = Counter()
        self.total = 0
        self.kept: list[Discard] = []

    def add(self, table: str, column: str, row_id: str, value: object, kind: DiscardKind) -> None:
        self.total += 1
        name = (table, column[:VALUE_LIMIT], kind)
        if name not in self._counts and len(self._counts) >= _NAMES_LIMIT:
            name = ("", "", kind)
        self._counts[name] += 1
        if len(self.kept) < self._limit:
            self.kept.append(Discard(table, column[:VALUE_LIMIT], row_id, shown(value), kind))

    def notices(self) -> list[str]:
        """The most frequent ones as sentences, bounded in number."""
        common = self._counts.most_common(_NOTICE_LIMIT)
        sentences = [_sentence(name, count) for name, count in common]
        rest = self.total - sum(count for _, count in common)
        return [*sentences, f"{rest} more values were discarded."] if rest else sentences


def _sentence(name: tuple[str, str, str], count: int) -> str:
    table, column, kind = name
    place = ".".join(part for part in (table, column) if part) or "several columns"
    return f"{place}: {count} {'value' if count == 1 else 'values'} discarded or inexact ({kind})."


def shown(value: object) -> str:
    """`value` as text of bounded length; the digits of a number stand as they were sent."""
    return (value if isinstance(value, str) else repr(value))[:VALUE_LIMIT]
