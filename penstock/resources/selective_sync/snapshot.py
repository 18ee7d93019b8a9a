"""What the data plane is told: it stands in the snapshot of the warehouse."""

from collections.abc import Iterable
from itertools import groupby
from operator import attrgetter

import msgspec
from sqlalchemy.ext.asyncio import AsyncConnection

from penstock.resources.selective_sync.repository import Off, Schedule, select_off, select_schedules
from penstock.resources.warehouses import Choices
from penstock.spec.snapshot import ScheduleSnapshot, SelectionSnapshot


class _Time(msgspec.Struct, rename="camel"):
    hour_of_day: int
    enabled: bool


_times = msgspec.json.Decoder(list[_Time])


async def select_selection_snapshots(
    connection: AsyncConnection, workspace_id: str, warehouse_id: str
) -> list[SelectionSnapshot]:
    del workspace_id  # ids of warehouses are not shared by workspaces
    return _selections(await select_off(connection, warehouse_id))


async def select_schedule_snapshots(
    connection: AsyncConnection, workspace_id: str, warehouse_id: str
) -> list[ScheduleSnapshot]:
    del workspace_id
    return _schedules(await select_schedules(connection, warehouse_id))


async def select_all_choices(connection: AsyncConnection) -> dict[str, Choices]:
    """Of all workspaces, by warehouse."""
    off = {key: list(rows) for key, rows in groupby(await select_off(connection), attrgetter("warehouse_id"))}
    schedules = {each.warehouse_id: each for each in await select_schedules(connection)}
    return {
        key: Choices(_selections(off.get(key, [])), _schedules([schedules[key]] if key in schedules else []))
        for key in off.keys() | schedules.keys()
    }


def _selections(rows: Iterable[Off]) -> list[SelectionSnapshot]:
    """Of rows in their order."""
    found = []
    for source_id, group in groupby(rows, attrgetter("source_id")):
        off = list(group)
        properties: dict[str, list[str]] = {}
        for row in off:
            if row.property:
                properties.setdefault(row.collection, []).append(row.property)
        collections = [row.collection for row in off if row.collection and not row.property]
        is_off = any(not row.collection for row in off)
        found.append(SelectionSnapshot(source_id, is_off, collections, properties))
    return found


def _schedules(rows: Iterable[Schedule]) -> list[ScheduleSnapshot]:
    return [
        ScheduleSnapshot(sorted({time.hour_of_day for time in _times.decode(row.times) if time.enabled}), row.timezone)
        for row in rows
        if row.enabled
    ]
