"""What a SQL engine brings: its connection, its types, and the few phrases that dialects do not share.

All else is written once, in SQL that every engine here reads. Parameters are `?`; identifiers are quoted, and stand in
statements as they are.
"""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol

import msgspec

from penstock.catalog.warehouses.values import LogicalType

BATCH = "penstock_batch"
"""The name of the one staging table."""


class Capabilities(msgspec.Struct, frozen=True):
    """Rules of an engine that are not Segment's (warehouses.md §6)."""

    text_limit: int = 0
    """Characters after which a text is cut; 0: never."""
    identifier_limit: int = 255
    """Bytes of a table's or column's name."""
    column_limit: int = 100_000
    """Columns of one table."""
    row_bytes: int = 0
    """What one row may take in its page; 0: whatever it has."""
    takes_nul: bool = True


class Engine(Protocol):
    """An open connection, used by one thread at a time."""

    errors: tuple[type[Exception], ...]
    """What its statements raise."""
    capabilities: Capabilities
    physical: Mapping[LogicalType, str]
    """The types that new columns get."""
    reserved_schemas: frozenset[str]

    def words(self, error: Exception) -> str:
        """What one of `errors` says, without values of rows: it is kept and shown for longer than these may be."""
        ...

    def logical(self, physical: str) -> LogicalType | None:
        """The type of ours that a column holds exactly, by its type as `columns` spells it; else it is foreign."""
        ...

    def prepare(self) -> None:
        """Make what the phrases below need, in our own schema."""
        ...

    def execute(self, statement: str, values: Sequence[Any] = ()) -> None: ...

    def fetch(self, statement: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]: ...

    def begin(self) -> None:
        """Begin a transaction that no other load of this target runs beside."""
        ...

    def commit(self) -> None: ...

    def roll_back(self) -> None:
        """Never raises; takes staging tables away too."""
        ...

    def columns(self, schemas: Sequence[str]) -> list[tuple[str, str, str, str, bool]]:
        """(schema, table, column, type, whether it is a view) of all that these schemas hold."""
        ...

    def staged(self, table: Any) -> AbstractContextManager[None]:
        """An Arrow table that statements see as `BATCH`. After an error it is there until the transaction ends."""
        ...

    def try_cast(self, value: str, physical: str) -> str:
        """SQL of a text cast to any type of the engine; null where it cannot be."""
        ...

    def inexact(self, value: str, cast: str, physical: str) -> str:
        """SQL that is true where `cast`, of a foreign type, is not what the text `value` says."""
        ...

    def latest(self, column: str) -> str:
        """SQL of the aggregate: the last value of `column` that is not null, by `received_at`, then order of rows."""
        ...

    def table_made(self, place: str) -> None:
        """A table with ids was made: time for an index."""
        ...


def quoted(name: str) -> str:
    """`name` as an identifier in SQL."""
    return '"' + name.replace('"', '""') + '"'
