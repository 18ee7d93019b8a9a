"""Queries on the inventory: what facts add, and what is asked."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec
from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncConnection

from penstock.api.unit import Unit
from penstock.resources.day_counts import DayCounts, Row, add, digest, row_of
from penstock.resources.schema.inventory import Properties, decode_properties, encode_properties, merge
from penstock.resources.schema.table import seen_events as seen
from penstock.spec.facts import SeenOnDay
from penstock.spec.findings import OTHER

EVENTS_LIMIT = 1_000
"""Events of one source that are told apart, in all and on one day; further ones are `other`."""
ALL_DAYS = 0
STALE_MS = 7 * 86_400_000
"""What was not seen for so long makes room for other names where there is none."""
_counts = DayCounts(seen, "properties")


class KnownEvent(msgspec.Struct, frozen=True):
    """Events of one type and name, on one day or on all."""

    event_type: str
    event_name: str
    day: int
    count: int
    first: int
    last: int
    properties: bytes


async def add_seen(connection: AsyncConnection, found: Iterable[SeenOnDay]) -> None:
    """Add to the day of each and to all days, and make what is not there while the source has room for it."""
    by_day: dict[tuple[str, int], list[SeenOnDay]] = {}
    for each in found:
        by_day.setdefault((each.source_id, each.day), []).append(each)
        by_day.setdefault((each.source_id, ALL_DAYS), []).append(each)
    known = await _counts.known(connection, {_id(each, day) for (_, day), of_day in by_day.items() for each in of_day})
    rows: dict[str, Row] = {}
    for (source_id, day), of_day in by_day.items():
        room = EVENTS_LIMIT
        if any(_id(each, day) not in known for each in of_day):
            room -= await _counts.size(connection, source_id, day)
            if room <= 0 and day == ALL_DAYS:
                room += await _make_room(connection, source_id, min(each.first for each in of_day), known)
            known |= await _counts.known(connection, {_id(_as_other(each), day) for each in of_day})
        rows |= _merged(of_day, day, known, room)
    await _counts.write(connection, rows, known)


def _as_other(each: SeenOnDay) -> SeenOnDay:
    return msgspec.structs.replace(each, event_name=OTHER)


def _merged(found: Iterable[SeenOnDay], day: int, known: Mapping[str, Any], room: int) -> dict[str, Row]:
    """Whole rows by id. What is neither known nor has room is `other`."""
    rows: dict[str, Row] = {}
    properties: dict[str, Properties] = {}
    for each in found:
        key, name = _id(each, day), each.event_name
        if key not in known and key not in rows:
            if room <= 0:
                name, key = OTHER, _id(_as_other(each), day)
            room -= 1
        row = rows.get(key)
        if row is None:
            before = known.get(key)
            row = rows[key] = row_of(key, each, day, before) | {"event_type": each.event_type, "event_name": name}
            properties[key] = decode_properties(before.properties) if before else {}
        add(row, each)
        merge(properties[key], each.properties, each.first, each.last)
    return {key: row | {"properties": encode_properties(properties[key])} for key, row in rows.items()}


async def _make_room(connection: AsyncConnection, source_id: str, now: int, known: Mapping[str, Any]) -> int:
    """Forget what a full source has not seen for long and does not see now; returns how many that were."""
    where = (seen.c.source_id == source_id, seen.c.day == ALL_DAYS, seen.c.last < now - STALE_MS)
    stale = set((await connection.execute(select(seen.c.id).where(*where))).scalars()) - known.keys()
    for key in stale:
        await connection.execute(delete(seen).where(seen.c.id == key))
    return len(stale)


async def select_events(
    connection: AsyncConnection, workspace_id: str, source_id: str, day: int = ALL_DAYS
) -> list[KnownEvent]:
    """The most frequent first: at most EVENTS_LIMIT and `other` of each type."""
    where = (seen.c.workspace_id == workspace_id, seen.c.source_id == source_id, seen.c.day == day)
    return await _select(connection, *where, order=(seen.c.count.desc(), seen.c.id))


async def select_days(
    connection: AsyncConnection, workspace_id: str, source_id: str, event_type: str, event_name: str
) -> list[KnownEvent]:
    """All rows of one event: that of all days first, then the days in their order."""
    where = (seen.c.workspace_id == workspace_id, seen.c.source_id == source_id)
    named = (seen.c.event_type == event_type, seen.c.event_name == event_name)
    return await _select(connection, *where, *named, order=(seen.c.day,))


async def _select(connection: AsyncConnection, *where: Any, order: Sequence[Any]) -> list[KnownEvent]:
    columns = [seen.c[name] for name in KnownEvent.__struct_fields__]
    rows = await connection.execute(select(*columns).where(*where).order_by(*order))
    return [KnownEvent(*row) for row in rows]


async def forget_source(unit: Unit, source_id: str) -> None:
    """What happens here when a source is deleted."""
    await _counts.forget_source(unit, source_id)


def _id(each: SeenOnDay, day: int) -> str:
    return digest(each.source_id, day, each.event_type, each.event_name)
