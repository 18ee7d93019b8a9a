"""Queries on the instances of insert functions."""

from collections.abc import Sequence

import msgspec
from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from penstock.api.errors import NotFound
from penstock.api.pagination import Page, in_page
from penstock.resources.functions.repository import Function
from penstock.resources.functions.table import insert_function_instances as instances


class Instance(msgspec.Struct, frozen=True):
    """One row."""

    id: str
    workspace_id: str
    function_id: str
    integration_id: str
    name: str
    enabled: bool
    settings: str
    sealed_secrets: bytes
    created_at: int
    updated_at: int


async def get_instance(connection: AsyncConnection, workspace_id: str, instance_id: str) -> Instance | None:
    where = (instances.c.workspace_id == workspace_id, instances.c.id == instance_id)
    row = (await connection.execute(select(instances).where(*where))).one_or_none()
    return None if row is None else Instance(*row)


async def require_instance(connection: AsyncConnection, workspace_id: str, instance_id: str) -> Instance:
    """Raises NotFound."""
    if (found := await get_instance(connection, workspace_id, instance_id)) is None:
        raise NotFound(f"insert function instance {instance_id} does not exist")
    return found


async def get_instance_of(connection: AsyncConnection, workspace_id: str, integration_id: str) -> Instance | None:
    """The one of a destination or source."""
    where = (instances.c.workspace_id == workspace_id, instances.c.integration_id == integration_id)
    row = (await connection.execute(select(instances).where(*where))).one_or_none()
    return None if row is None else Instance(*row)


async def select_all_instances(connection: AsyncConnection) -> list[Instance]:
    """Of all workspaces, those that are enabled."""
    return [Instance(*row) for row in await connection.execute(select(instances).where(instances.c.enabled))]


async def has_instances(connection: AsyncConnection, function: Function) -> bool:
    where = (instances.c.workspace_id == function.workspace_id, instances.c.function_id == function.id)
    return (await connection.execute(select(instances.c.id).where(*where).limit(1))).first() is not None


async def select_instances(
    connection: AsyncConnection, workspace_id: str, function_ids: Sequence[str], page: Page
) -> tuple[list[Instance], int]:
    """Up to `page.count` + 1 instances as `in_page` orders them, and how many there are in all."""
    where = (instances.c.workspace_id == workspace_id, instances.c.function_id.in_(function_ids))
    query = in_page(select(instances).where(*where), page, instances.c.created_at, instances.c.id)
    rows = await connection.execute(query)
    total = (await connection.execute(select(func.count()).select_from(instances).where(*where))).scalar_one()
    return [Instance(*row) for row in rows], total


async def insert_instance(connection: AsyncConnection, added: Instance) -> None:
    await connection.execute(insert(instances).values(msgspec.structs.asdict(added)))


async def update_instance(connection: AsyncConnection, changed: Instance) -> None:
    where = (instances.c.workspace_id == changed.workspace_id, instances.c.id == changed.id)
    await connection.execute(update(instances).where(*where).values(msgspec.structs.asdict(changed)))


async def delete_instance(connection: AsyncConnection, workspace_id: str, instance_id: str) -> None:
    where = (instances.c.workspace_id == workspace_id, instances.c.id == instance_id)
    await connection.execute(delete(instances).where(*where))
