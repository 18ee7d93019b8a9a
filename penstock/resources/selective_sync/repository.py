"""Queries on what is off, and on schedules."""

from collections.abc import Iterable

import msgspec
from sqlalchemy import delete, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from penstock.resources.selective_sync.table import selective_syncs, sync_schedules


class Off(msgspec.Struct, frozen=True):
    """One row: a source, a collection of it, or a property of that one."""

    warehouse_id: str
    source_id: str
    collection: str = ""
    property: str = ""


class Schedule(msgspec.Struct, frozen=True):
    """One row."""

    warehouse_id: str
    enabled: bool
    times: str = ""
    timezone: str = ""


async def select_off(connection: AsyncConnection, warehouse_id: str = "") -> list[Off]:
    """In order; of all warehouses where none is named."""
    query = select(selective_syncs).order_by(*selective_syncs.primary_key.columns)
    if warehouse_id:
        query = query.where(selective_syncs.c.warehouse_id == warehouse_id)
    return [Off(*row) for row in await connection.execute(query)]


async def insert_off(connection: AsyncConnection, rows: Iterable[Off]) -> None:
    await connection.execute(insert(selective_syncs), [msgspec.structs.asdict(row) for row in rows])


async def delete_off(connection: AsyncConnection, rows: Iterable[Off]) -> None:
    for row in rows:
        values = msgspec.structs.asdict(row)
        where = [selective_syncs.c[name] == value for name, value in values.items()]
        await connection.execute(delete(selective_syncs).where(*where))


async def delete_off_of_source(connection: AsyncConnection, source_id: str) -> None:
    await connection.execute(delete(selective_syncs).where(selective_syncs.c.source_id == source_id))


async def delete_choices_of(connection: AsyncConnection, warehouse_id: str) -> None:
    for table in (selective_syncs, sync_schedules):
        await connection.execute(delete(table).where(table.c.warehouse_id == warehouse_id))


async def select_schedules(connection: AsyncConnection, warehouse_id: str = "") -> list[Schedule]:
    """One at most of a warehouse; those of all where none is named."""
    query = select(sync_schedules)
    if warehouse_id:
        query = query.where(sync_schedules.c.warehouse_id == warehouse_id)
    return [Schedule(*row) for row in await connection.execute(query)]


async def put_schedule(connection: AsyncConnection, schedule: Schedule) -> None:
    await connection.execute(delete(sync_schedules).where(sync_schedules.c.warehouse_id == schedule.warehouse_id))
    await connection.execute(insert(sync_schedules).values(msgspec.structs.asdict(schedule)))
