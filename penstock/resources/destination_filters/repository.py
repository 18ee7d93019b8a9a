"""Queries on the filters of destinations."""

import msgspec
from sqlalchemy import delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from penstock.api.errors import NotFound
from penstock.resources.destination_filters.table import destination_filters as filters


class DestinationFilter(msgspec.Struct, frozen=True):
    """One row."""

    id: str
    workspace_id: str
    destination_id: str
    position: int
    title: str
    description: str | None
    condition: str
    actions: str
    enabled: bool
    created_at: int
    updated_at: int


async def require_filter(
    connection: AsyncConnection, workspace_id: str, destination_id: str, filter_id: str
) -> DestinationFilter:
    """Raises NotFound."""
    where = (
        filters.c.workspace_id == workspace_id,
        filters.c.destination_id == destination_id,
        filters.c.id == filter_id,
    )
    row = (await connection.execute(select(filters).where(*where))).one_or_none()
    if row is None:
        raise NotFound(f"filter {filter_id} does not exist in destination {destination_id}")
    return DestinationFilter(*row)


async def select_filters(
    connection: AsyncConnection, workspace_id: str, destination_id: str
) -> list[DestinationFilter]:
    """All of a destination, in their order: at most FILTER_LIMIT."""
    where = (filters.c.workspace_id == workspace_id, filters.c.destination_id == destination_id)
    query = select(filters).where(*where).order_by(filters.c.position)
    return [DestinationFilter(*row) for row in await connection.execute(query)]


async def select_all_filters(connection: AsyncConnection) -> dict[str, list[DestinationFilter]]:
    """Of all workspaces, by destination, in their order."""
    found: dict[str, list[DestinationFilter]] = {}
    for row in await connection.execute(select(filters).order_by(filters.c.position)):
        found.setdefault(row.destination_id, []).append(DestinationFilter(*row))
    return found


async def insert_filter(connection: AsyncConnection, added: DestinationFilter) -> None:
    await connection.execute(insert(filters).values(msgspec.structs.asdict(added)))


async def update_filter(connection: AsyncConnection, changed: DestinationFilter) -> None:
    where = (filters.c.workspace_id == changed.workspace_id, filters.c.id == changed.id)
    await connection.execute(update(filters).where(*where).values(msgspec.structs.asdict(changed)))


async def delete_filter(connection: AsyncConnection, workspace_id: str, filter_id: str) -> None:
    where = (filters.c.workspace_id == workspace_id, filters.c.id == filter_id)
    await connection.execute(delete(filters).where(*where))


async def delete_filters_of(connection: AsyncConnection, workspace_id: str, destination_id: str) -> None:
    where = (filters.c.workspace_id == workspace_id, filters.c.destination_id == destination_id)
    await connection.execute(delete(filters).where(*where))
