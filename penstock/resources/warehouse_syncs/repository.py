"""Queries on reported syncs and on the collections that they brought rows to."""

from collections.abc import Sequence

import msgspec
from sqlalchemy import delete, func, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from penstock.api.pagination import Page, in_page
from penstock.kit.time import parse_iso
from penstock.resources.warehouse_syncs.table import warehouse_collections, warehouse_syncs

COLLECTION_LIMIT = 5_000
"""Of one source in one warehouse; what is beyond is loaded, and not listed."""
_AT_ONCE = 500


class ReportedSync(msgspec.Struct, frozen=True, rename="camel"):
    """A sync record as a fact holds it: one source in one load."""

    id: str
    warehouse_id: str
    source_id: str
    start: str
    end: str
    status: str
    duration: float
    count: int
    notices: list[dict[str, str]] = []
    collections: dict[str, int] = {}


class Sync(msgspec.Struct, frozen=True):
    """One row. Times are milliseconds."""

    id: str
    warehouse_id: str
    source_id: str
    started_at: int
    ended_at: int
    status: str
    duration: float
    row_count: int
    notices: str


async def add_syncs(connection: AsyncConnection, reported: Sequence[ReportedSync]) -> None:
    """Keep those that are not there yet."""
    by_id = {each.id: each for each in reported}
    fresh = {key: each for key, each in by_id.items() if key not in await _present(connection, list(by_id))}
    if not fresh:
        return
    await connection.execute(insert(warehouse_syncs), [msgspec.structs.asdict(_row(each)) for each in fresh.values()])
    for each in fresh.values():
        await _add_collections(connection, each)


def _row(reported: ReportedSync) -> Sync:
    started_at = parse_iso(reported.start) or 0
    return Sync(
        id=reported.id,
        warehouse_id=reported.warehouse_id,
        source_id=reported.source_id,
        started_at=started_at,
        ended_at=parse_iso(reported.end) or started_at,
        status=reported.status,
        duration=reported.duration,
        row_count=reported.count,
        notices=msgspec.json.encode(reported.notices).decode(),
    )


async def _present(connection: AsyncConnection, identifiers: list[str]) -> set[str]:
    found: set[str] = set()
    for start in range(0, len(identifiers), _AT_ONCE):
        part = identifiers[start : start + _AT_ONCE]
        found.update(
            (await connection.execute(select(warehouse_syncs.c.id).where(warehouse_syncs.c.id.in_(part)))).scalars()
        )
    return found


async def _add_collections(connection: AsyncConnection, reported: ReportedSync) -> None:
    if not reported.collections:
        return
    known = await select_collections(connection, reported.warehouse_id, reported.source_id)
    room = max(0, COLLECTION_LIMIT - len(known))
    added = sorted({name[:255] for name in reported.collections} - set(known))[:room]
    if added:
        values = {"warehouse_id": reported.warehouse_id, "source_id": reported.source_id}
        await connection.execute(insert(warehouse_collections), [{**values, "collection": name} for name in added])


async def select_collections(connection: AsyncConnection, warehouse_id: str, source_id: str) -> list[str]:
    """Collections that rows have come to, by name."""
    columns = warehouse_collections.c
    where = (columns.warehouse_id == warehouse_id, columns.source_id == source_id)
    query = select(columns.collection).where(*where).order_by(columns.collection)
    return list((await connection.execute(query)).scalars())


async def select_syncs(
    connection: AsyncConnection, warehouse_id: str, page: Page, source_id: str = ""
) -> tuple[list[Sync], int]:
    """Up to `page.count` + 1 syncs, the newest first, and how many there are in all; of one source, or of all."""
    where = [warehouse_syncs.c.warehouse_id == warehouse_id]
    if source_id:
        where.append(warehouse_syncs.c.source_id == source_id)
    query = select(warehouse_syncs).where(*where)
    rows = await connection.execute(
        in_page(query, page, warehouse_syncs.c.started_at, warehouse_syncs.c.id, newest_first=True)
    )
    total = (await connection.execute(select(func.count()).select_from(warehouse_syncs).where(*where))).scalar_one()
    return [Sync(*row) for row in rows], total


async def delete_reports_of(connection: AsyncConnection, warehouse_id: str) -> None:
    for table in (warehouse_syncs, warehouse_collections):
        await connection.execute(delete(table).where(table.c.warehouse_id == warehouse_id))
