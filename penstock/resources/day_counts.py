"""Tables of counts by source and day: what those of the schema inventory and of violations have in common.

A row has an `id`, which is a digest of all that it is grouped by, `workspace_id`, `source_id`, `day`, `count`, the
times `first` and `last` in milliseconds, and one column of what its slice packs. Whole rows are written: transactions
that write wait for one another.
"""

import hashlib
from collections.abc import Iterable, Mapping
from typing import Any, Protocol

from sqlalchemy import Table, bindparam, delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from penstock.api.unit import Unit

Row = dict[str, Any]
_COUNTED = ("count", "first", "last")
_LOOKED_UP_AT_ONCE = 500


class Counted(Protocol):
    """What a fact adds."""

    @property
    def workspace_id(self) -> str: ...
    @property
    def source_id(self) -> str: ...
    @property
    def count(self) -> int: ...
    @property
    def first(self) -> int: ...
    @property
    def last(self) -> int: ...


def digest(*parts: object) -> str:
    text = "\x1f".join(map(str, parts))
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def row_of(key: str, each: Counted, day: int, before: Any | None) -> Row:
    """To be added to: what stands there already, or nothing yet."""
    about = {"id": key, "workspace_id": each.workspace_id, "source_id": each.source_id, "day": day}
    if before is None:
        return {**about, "count": 0, "first": each.first, "last": each.last}
    return about | {name: getattr(before, name) for name in _COUNTED}


def add(row: Row, each: Counted) -> None:
    row["count"] += each.count
    row["first"], row["last"] = min(row["first"], each.first), max(row["last"], each.last)


class DayCounts:
    """The queries of one table; `packed` is the column that its slice packs."""

    def __init__(self, table: Table, packed: str) -> None:
        self._table = table
        self._changing = (*_COUNTED, packed)

    async def known(self, connection: AsyncConnection, wanted: Iterable[str]) -> dict[str, Any]:
        """Those of the rows that are there, by id."""
        table, keys = self._table, list(wanted)
        columns = [table.c[name] for name in ("id", *self._changing)]
        found: dict[str, Any] = {}
        for start in range(0, len(keys), _LOOKED_UP_AT_ONCE):
            query = select(*columns).where(table.c.id.in_(keys[start : start + _LOOKED_UP_AT_ONCE]))
            found |= {row.id: row for row in await connection.execute(query)}
        return found

    async def size(self, connection: AsyncConnection, source_id: str, day: int) -> int:
        table = self._table
        query = select(func.count()).where(table.c.source_id == source_id, table.c.day == day)
        return int((await connection.execute(query)).scalar_one())

    async def write(self, connection: AsyncConnection, rows: Mapping[str, Row], known: Mapping[str, Any]) -> None:
        """Insert what is not known, change what is."""
        table = self._table
        added = [row for key, row in rows.items() if key not in known]
        changed = [
            {"row_id": key, **{f"new_{name}": row[name] for name in self._changing}}
            for key, row in rows.items()
            if key in known
        ]
        if added:
            await connection.execute(insert(table), added)
        if changed:
            values: dict[str, Any] = {name: bindparam(f"new_{name}") for name in self._changing}
            await connection.execute(update(table).where(table.c.id == bindparam("row_id")).values(values), changed)

    async def forget_source(self, unit: Unit, source_id: str) -> None:
        """What happens to the rows of a source that is deleted."""
        table = self._table
        where = (table.c.workspace_id == unit.workspace_id, table.c.source_id == source_id)
        await unit.connection.execute(delete(table).where(*where))
