"""Queries on transformations."""

import msgspec
from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from penstock.api.errors import NotFound
from penstock.api.pagination import Page, in_page
from penstock.api.reach import Reach
from penstock.api.unit import Unit
from penstock.resources.sources import within_sources
from penstock.resources.transformations.table import transformations


class Transformation(msgspec.Struct, frozen=True):
    """One row."""

    id: str
    workspace_id: str
    source_id: str
    destination_metadata_id: str | None
    name: str
    enabled: bool
    condition: str
    operations: str
    sealed_hash_key: bytes
    created_at: int
    updated_at: int


async def require_transformation(
    connection: AsyncConnection, workspace_id: str, transformation_id: str
) -> Transformation:
    """Raises NotFound."""
    where = (transformations.c.workspace_id == workspace_id, transformations.c.id == transformation_id)
    row = (await connection.execute(select(transformations).where(*where))).one_or_none()
    if row is None:
        raise NotFound(f"transformation {transformation_id} does not exist")
    return Transformation(*row)


async def is_transformation_within(
    connection: AsyncConnection, workspace_id: str, transformation_id: str, reach: Reach
) -> bool:
    """Whether its source is."""
    where = (transformations.c.workspace_id == workspace_id, transformations.c.id == transformation_id)
    query = select(transformations.c.id).where(*where, *within_sources(reach, transformations.c.source_id))
    return (await connection.execute(query)).first() is not None


async def select_transformations(
    connection: AsyncConnection, workspace_id: str, page: Page, reach: Reach
) -> tuple[list[Transformation], int]:
    """Up to `page.count` + 1 transformations as `in_page` orders them, and how many there are in all.

    Only those of sources that are within the reach.
    """
    where = (transformations.c.workspace_id == workspace_id, *within_sources(reach, transformations.c.source_id))
    query = in_page(select(transformations).where(*where), page, transformations.c.created_at, transformations.c.id)
    rows = await connection.execute(query)
    total = (await connection.execute(select(func.count()).select_from(transformations).where(*where))).scalar_one()
    return [Transformation(*row) for row in rows], total


async def select_transformations_of(
    connection: AsyncConnection, workspace_id: str, source_id: str
) -> list[Transformation]:
    """All of a source, the oldest first."""
    where = (transformations.c.workspace_id == workspace_id, transformations.c.source_id == source_id)
    query = select(transformations).where(*where).order_by(transformations.c.created_at, transformations.c.id)
    return [Transformation(*row) for row in await connection.execute(query)]


async def select_all_transformations(connection: AsyncConnection) -> list[Transformation]:
    """Of all workspaces, the oldest first, for repairing what is published."""
    query = select(transformations).order_by(transformations.c.created_at, transformations.c.id)
    return [Transformation(*row) for row in await connection.execute(query)]


async def insert_transformation(connection: AsyncConnection, added: Transformation) -> None:
    await connection.execute(insert(transformations).values(msgspec.structs.asdict(added)))


async def update_transformation(connection: AsyncConnection, changed: Transformation) -> None:
    where = (transformations.c.workspace_id == changed.workspace_id, transformations.c.id == changed.id)
    await connection.execute(update(transformations).where(*where).values(msgspec.structs.asdict(changed)))


async def delete_transformation(connection: AsyncConnection, workspace_id: str, transformation_id: str) -> None:
    where = (transformations.c.workspace_id == workspace_id, transformations.c.id == transformation_id)
    await connection.execute(delete(transformations).where(*where))


async def remove_transformations_of(unit: Unit, source_id: str) -> None:
    """What happens here when a source is deleted."""
    where = (transformations.c.workspace_id == unit.workspace_id, transformations.c.source_id == source_id)
    await unit.connection.execute(delete(transformations).where(*where))
