"""Queries on what sources have used."""

from collections.abc import Iterable

import msgspec
from sqlalchemy import insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from penstock.kit.sketch import Sketch
from penstock.resources.usage.table import source_usage as usage
from penstock.spec.facts import CountedUsage

_SKETCHES = ("users", "anonymous", "tied")


class UsageOfDay(msgspec.Struct, frozen=True):
    """One source's on one day."""

    source_id: str
    day: int
    calls: int
    users: bytes
    anonymous: bytes
    tied: bytes


async def add_usage(connection: AsyncConnection, counted: Iterable[CountedUsage]) -> None:
    """Add the calls, merge the sketches. Raises SketchError."""
    for each in counted:
        key = f"{each.source_id}.{each.day}"
        found = (await connection.execute(select(usage).where(usage.c.id == key))).one_or_none()
        if found is None:
            row = {name: getattr(each, name) for name in CountedUsage.__struct_fields__}
            await connection.execute(insert(usage).values(id=key, **row))
            continue
        merged = {name: _merged(getattr(found, name), getattr(each, name)) for name in _SKETCHES}
        changed = {name: after for name, after in merged.items() if after != getattr(found, name)}
        await connection.execute(
            update(usage).where(usage.c.id == key).values(calls=usage.c.calls + each.calls, **changed)
        )


def _merged(known: bytes, added: bytes) -> bytes:
    sketch = Sketch.decode(known)
    sketch.merge(Sketch.decode(added))
    return sketch.encode()


async def select_usage(connection: AsyncConnection, workspace_id: str, first: int, last: int) -> list[UsageOfDay]:
    """Of the days `first` to `last`, both included, in their order and that of the sources."""
    columns = [usage.c[name] for name in UsageOfDay.__struct_fields__]
    where = (usage.c.workspace_id == workspace_id, usage.c.day >= first, usage.c.day <= last)
    query = select(*columns).where(*where).order_by(usage.c.day, usage.c.source_id)
    return [UsageOfDay(*row) for row in await connection.execute(query)]
