"""Rows on their way into a warehouse, held by column, because that is how they are loaded.

A column keeps the rows that have a value and those values, in log order; the last one is the latest occurrence, which
decides the type of a new column. `CELL_LIMIT` and `COLUMN_LIMIT` bound what hostile senders can make of a batch.
"""

from collections.abc import Mapping
from typing import Any

import msgspec

from penstock.catalog.warehouses.discards import DiscardKind, Discards
from penstock.catalog.warehouses.values import LogicalType

COLUMN_LIMIT = 2_000
"""Columns of one table; the values of further ones are discarded with a record."""
TABLE_LIMIT = 5_000
"""Tables of one source in one batch."""


class Column:
    """The values of one column: `values[i]` belongs to row `rows[i]`."""

    __slots__ = ("rows", "values")

    def __init__(self) -> None:
        self.rows: list[int] = []
        self.values: list[Any] = []


class TableBatch:
    """New rows of one table. `declared` columns exist from the first row on and have a fixed type."""

    __slots__ = ("columns", "declared", "ids", "name")

    def __init__(self, name: str, declared: Mapping[str, LogicalType]) -> None:
        self.name = name
        self.declared = declared
        self.ids: list[str] = []
        self.columns: dict[str, Column] = {column: Column() for column in declared}

    def add(self, row_id: str, values: Mapping[str, Any], discards: Discards) -> None:
        row = len(self.ids)
        self.ids.append(row_id)
        columns = self.columns
        for name, value in values.items():
            column = columns.get(name)
            if column is None:
                if len(columns) >= COLUMN_LIMIT:
                    discards.add(self.name, name, row_id, value, DiscardKind.TOO_MANY_COLUMNS)
                    continue
                column = columns[name] = Column()
            column.rows.append(row)
            column.values.append(value)

    @property
    def cells(self) -> int:
        return len(self.ids) * len(self.columns)


class ObjectCall(msgspec.Struct, frozen=True):
    """What one identify or group call says of one user or account, or one `Segment.set` of one object."""

    id: str
    message_id: str
    received_at: str
    values: Mapping[str, Any]


class ObjectBatch:
    """Calls that update one object table, in log order. They count only where their row in `calls_table` is new.

    What `Segment.set` tells has no such rows: each call counts, in log order (spec/objects.py).
    """

    __slots__ = ("calls", "calls_table", "collection", "key", "name")

    def __init__(self, name: str, calls_table: str = "", key: str = "", collection: str = "") -> None:
        self.name = name
        self.collection = collection
        """As `Segment.set` names it; empty for users and accounts."""
        self.calls_table = calls_table
        self.key = key
        """The column of `calls_table` that holds the id of the object."""
        self.calls: list[ObjectCall] = []


class SourceBatch:
    """What one source has in one load."""

    def __init__(self, source_id: str, schema: str) -> None:
        self.source_id = source_id
        self.schema = schema
        self.events = 0
        self.tables: dict[str, TableBatch] = {}
        self.objects: dict[str, ObjectBatch] = {}
        self.object_cells = 0
        """Values of the objects of collections."""
        self.discards = Discards()
        self.message_ids: set[str] = set()

    def table(self, name: str, declared: Mapping[str, LogicalType]) -> TableBatch | None:
        """The batch of that table; None where the source would get too many tables."""
        found = self.tables.get(name)
        if found is None and len(self.tables) < TABLE_LIMIT:
            found = self.tables[name] = TableBatch(name, declared)
        return found

    def collection(self, name: str, collection: str) -> ObjectBatch | None:
        """The batch of the table of a collection; None where the source would get too many tables."""
        found = self.objects.get(name)
        if found is None and len(self.objects) < TABLE_LIMIT:
            found = self.objects[name] = ObjectBatch(name, collection=collection)
        return found

    @property
    def cells(self) -> int:
        return sum(table.cells for table in self.tables.values()) + self.object_cells
