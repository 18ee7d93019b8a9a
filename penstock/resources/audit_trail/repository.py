"""Queries on what `api/audit` writes."""

import msgspec
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from penstock.api.audit import audit_events as events
from penstock.api.pagination import Page, in_page


class Recorded(msgspec.Struct, frozen=True):
    """What is told of one row."""

    id: str
    timestamp: int
    type: str
    actor: str
    actor_email: str | None
    resource_id: str
    resource_type: str
    resource_name: str


class Wanted(msgspec.Struct, frozen=True):
    """From `start` on, up to before `end`; empty words mean any."""

    start: int | None = None
    end: int | None = None
    resource_id: str = ""
    resource_type: str = ""


_COLUMNS = [events.c[name] for name in Recorded.__struct_fields__]


async def select_events(
    connection: AsyncConnection, workspace_id: str, wanted: Wanted, page: Page
) -> tuple[list[Recorded], int]:
    """Up to `page.count` + 1 events, the newest first, and how many there are in all."""
    where = [events.c.workspace_id == workspace_id]
    if wanted.start is not None:
        where.append(events.c.timestamp >= wanted.start)
    if wanted.end is not None:
        where.append(events.c.timestamp < wanted.end)
    if wanted.resource_id:
        where.append(events.c.resource_id == wanted.resource_id)
    if wanted.resource_type:
        where.append(events.c.resource_type == wanted.resource_type)
    query = in_page(select(*_COLUMNS).where(*where), page, events.c.timestamp, events.c.id, newest_first=True)
    rows = await connection.execute(query)
    total = (await connection.execute(select(func.count()).select_from(events).where(*where))).scalar_one()
    return [Recorded(*row) for row in rows], total
