"""Counters that only grow: rows of a table that a digest of their dimensions names, added to and later condensed.

Whoever changes a row has it locked, and what is condensed is what was deleted in the same transaction: so nothing is
lost or counted twice, though the fold and several processes do so at once.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec
from sqlalchemy import Table, bindparam, delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from penstock.infra.db import Database

_AT_ONCE = 500
_FOUND_AT_ONCE = 10 * _AT_ONCE
"""Of rows to condense: each look goes through the whole table, each change keeps other writers waiting."""
_HOUR = 60


class Counters(msgspec.Struct, frozen=True):
    """A table with the columns `id`, `dimensions` (one is `minute`) and `sums`."""

    table: Table
    dimensions: tuple[str, ...]
    sums: tuple[str, ...]
    lengths: Mapping[str, int] = {}
    """Where texts are cut."""

    async def add(self, connection: AsyncConnection, counted: Iterable[Any]) -> None:
        """Add what the attributes of the items tell to the rows that are there, make those that are not."""
        summed = self._summed(counted)
        present = await self._present(connection, list(summed))
        added = [row for key, row in summed.items() if key not in present]
        changed = [
            {"row_id": key, **{f"more_{name}": row[name] for name in self.sums}}
            for key, row in summed.items()
            if key in present
        ]
        if added:
            await connection.execute(insert(self.table), added)
        if changed:
            statement = update(self.table).where(self.table.c.id == bindparam("row_id"))
            values = {name: self.table.c[name] + bindparam(f"more_{name}") for name in self.sums}
            await connection.execute(statement.values(values), changed)

    def _summed(self, counted: Iterable[Any]) -> dict[str, dict[str, Any]]:
        summed: dict[str, dict[str, Any]] = {}
        for each in counted:
            row = {name: getattr(each, name) for name in self.dimensions}
            for name, length in self.lengths.items():
                row[name] = row[name][:length]
            key = self._key(row)
            known = summed.setdefault(key, {"id": key, **row, **dict.fromkeys(self.sums, 0)})
            for name in self.sums:
                known[name] += getattr(each, name)
        return summed

    def _key(self, row: Mapping[str, Any]) -> str:
        text = "\x1f".join(str(row[name]) for name in self.dimensions)
        return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()

    async def _present(self, connection: AsyncConnection, keys: list[str]) -> set[str]:
        found: set[str] = set()
        for start in range(0, len(keys), _AT_ONCE):
            part = keys[start : start + _AT_ONCE]
            query = select(self.table.c.id).where(self.table.c.id.in_(part)).with_for_update()
            found.update((await connection.execute(query)).scalars())
        return found

    async def condense(self, database: Database, before: int) -> int:
        """Make rows of minutes before the minute `before` one of their hour; returns how many went."""
        minute, gone = self.table.c.minute, 0
        limit = before - before % _HOUR
        while True:
            async with database.reading(is_long=True) as connection:
                where = (minute < limit, minute % _HOUR != 0)
                # Side by side what becomes one row, so that a change writes few.
                together = [self.table.c[name] for name in self.dimensions]
                query = select(self.table.c.id).where(*where).order_by(*together).limit(_FOUND_AT_ONCE)
                found = (await connection.execute(query)).scalars().all()
            if not found:
                return gone
            for start in range(0, len(found), _AT_ONCE):
                gone += await self._condensed(database, found[start : start + _AT_ONCE])

    async def _condensed(self, database: Database, keys: Sequence[str]) -> int:
        async with database.writing() as connection:
            removing = delete(self.table).where(self.table.c.id.in_(keys)).returning(self.table)
            rows = (await connection.execute(removing)).all()
            await self.add(connection, [_OfHour(row) for row in rows])
        return len(rows)


class _OfHour:
    """A row, counted for the hour in which its minute lies."""

    def __init__(self, row: Any) -> None:
        self._row = row
        self.minute = row.minute - row.minute % _HOUR

    def __getattr__(self, name: str) -> Any:
        return getattr(self._row, name)
