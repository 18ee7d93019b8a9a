"""Queries on warehouses and on which sources are not connected to them."""

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Select, delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from penstock.api.errors import NotFound
from penstock.api.pagination import Page, in_page
from penstock.api.reach import Reach
from penstock.resources.warehouses.table import left_warehouses, warehouse_exclusions, warehouses


class Warehouse(msgspec.Struct, frozen=True):
    """One row."""

    id: str
    workspace_id: str
    version: int
    metadata_id: str
    name: str
    enabled: bool
    settings: str
    sealed_secrets: bytes
    created_at: int


async def require_warehouse(connection: AsyncConnection, workspace_id: str, warehouse_id: str) -> Warehouse:
    """Raises NotFound."""
    where = (warehouses.c.workspace_id == workspace_id, warehouses.c.id == warehouse_id)
    row = (await connection.execute(select(warehouses).where(*where))).one_or_none()
    if row is None:
        raise NotFound(f"warehouse {warehouse_id} does not exist")
    return Warehouse(*row)


async def select_names(connection: AsyncConnection, workspace_id: str) -> list[tuple[str, str]]:
    """(id, name) of all of a workspace, the oldest first."""
    query = select(warehouses.c.id, warehouses.c.name).where(warehouses.c.workspace_id == workspace_id)
    rows = await connection.execute(query.order_by(warehouses.c.created_at, warehouses.c.id))
    return [(row.id, row.name) for row in rows]


async def insert_left(connection: AsyncConnection, warehouse: Warehouse, name: str, now: int) -> None:
    """Remember that a file of it stays, by the last name that it had."""
    await connection.execute(delete(left_warehouses).where(left_warehouses.c.id == warehouse.id))
    row = {"id": warehouse.id, "workspace_id": warehouse.workspace_id, "name": name, "left_at": now}
    await connection.execute(insert(left_warehouses).values(row))


async def select_left(connection: AsyncConnection, workspace_id: str) -> list[tuple[str, str]]:
    """(id, name) of those that have left a file, whether they are still there or not, in their order."""
    query = select(left_warehouses.c.id, left_warehouses.c.name).where(left_warehouses.c.workspace_id == workspace_id)
    rows = await connection.execute(query.order_by(left_warehouses.c.left_at, left_warehouses.c.id))
    return [(row.id, row.name) for row in rows]


async def select_warehouses(
    connection: AsyncConnection, workspace_id: str, page: Page, reach: Reach, connected_to: str = ""
) -> tuple[list[Warehouse], int]:
    """Up to `page.count` + 1 warehouses as `in_page` orders them, and how many there are in all.

    Only those that are within the reach; with `connected_to` only those that the source is connected to.
    """
    where = [warehouses.c.workspace_id == workspace_id, *_within(reach)]
    if connected_to:
        excluding = select(warehouse_exclusions.c.warehouse_id).where(warehouse_exclusions.c.source_id == connected_to)
        where.append(warehouses.c.id.not_in(excluding))
    query = in_page(select(warehouses).where(*where), page, warehouses.c.created_at, warehouses.c.id)
    rows = (await connection.execute(query)).all()
    total = (await connection.execute(select(func.count()).select_from(warehouses).where(*where))).scalar_one()
    return [Warehouse(*row) for row in rows], total


def _within(reach: Reach) -> list[ColumnElement[bool]]:
    """Conditions under which a warehouse is within the reach. Warehouses have no labels."""
    return [] if reach.is_whole else [warehouses.c.id.in_(sorted(reach.ids))]


async def is_warehouse_within(connection: AsyncConnection, workspace_id: str, warehouse_id: str, reach: Reach) -> bool:
    query = select(warehouses.c.id).where(
        warehouses.c.workspace_id == workspace_id, warehouses.c.id == warehouse_id, *_within(reach)
    )
    return (await connection.execute(query)).first() is not None


async def select_workspace_warehouses(connection: AsyncConnection, workspace_id: str) -> list[Warehouse]:
    query = select(warehouses).where(warehouses.c.workspace_id == workspace_id)
    return [Warehouse(*row) for row in await connection.execute(query)]


async def select_all_warehouses(connection: AsyncConnection) -> list[Warehouse]:
    """Of all workspaces, for repairing what is published."""
    return [Warehouse(*row) for row in await connection.execute(select(warehouses))]


async def select_settings_of_kind(connection: AsyncConnection, metadata_id: str, but: str) -> list[str]:
    """The settings of all of one kind, of every workspace, but of the one warehouse: JSON, without secrets."""
    where = (warehouses.c.metadata_id == metadata_id, warehouses.c.id != but)
    return list((await connection.execute(select(warehouses.c.settings).where(*where))).scalars())


async def insert_warehouse(connection: AsyncConnection, warehouse: Warehouse) -> None:
    await connection.execute(insert(warehouses).values(msgspec.structs.asdict(warehouse)))


async def update_warehouse(connection: AsyncConnection, warehouse: Warehouse) -> None:
    where = (warehouses.c.workspace_id == warehouse.workspace_id, warehouses.c.id == warehouse.id)
    await connection.execute(update(warehouses).where(*where).values(msgspec.structs.asdict(warehouse)))


async def delete_warehouse(connection: AsyncConnection, warehouse: Warehouse) -> None:
    """With its exclusions."""
    for table, column in ((warehouse_exclusions, warehouse_exclusions.c.warehouse_id), (warehouses, warehouses.c.id)):
        where = (table.c.workspace_id == warehouse.workspace_id, column == warehouse.id)
        await connection.execute(delete(table).where(*where))


async def select_exclusions(
    connection: AsyncConnection, workspace_id: str, warehouse_id: str = ""
) -> dict[str, list[str]]:
    """The sources that are not connected, by warehouse: of all in the workspace, or of one."""
    query = select(warehouse_exclusions).where(warehouse_exclusions.c.workspace_id == workspace_id)
    if warehouse_id:
        query = query.where(warehouse_exclusions.c.warehouse_id == warehouse_id)
    return await _by_warehouse(connection, query)


async def select_all_exclusions(connection: AsyncConnection) -> dict[str, list[str]]:
    """Of all workspaces."""
    return await _by_warehouse(connection, select(warehouse_exclusions))


async def _by_warehouse(connection: AsyncConnection, query: Select[Any]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for row in await connection.execute(query.order_by(warehouse_exclusions.c.source_id)):
        found.setdefault(row.warehouse_id, []).append(row.source_id)
    return found


def excluded_ids(warehouse: Warehouse) -> Select[Any]:
    """A query for the sources that are not connected."""
    return select(warehouse_exclusions.c.source_id).where(warehouse_exclusions.c.warehouse_id == warehouse.id)


async def insert_exclusions(
    connection: AsyncConnection, excluding: Iterable[Warehouse], source_ids: Sequence[str]
) -> None:
    """For pairs that are not excluded yet."""
    values = [
        {"warehouse_id": warehouse.id, "source_id": source_id, "workspace_id": warehouse.workspace_id}
        for warehouse in excluding
        for source_id in source_ids
    ]
    if values:
        await connection.execute(insert(warehouse_exclusions), values)


async def is_excluded(connection: AsyncConnection, warehouse: Warehouse, source_id: str) -> bool:
    query = excluded_ids(warehouse).where(warehouse_exclusions.c.source_id == source_id)
    return (await connection.execute(query)).first() is not None


async def delete_exclusion(connection: AsyncConnection, warehouse: Warehouse, source_id: str) -> None:
    where = (warehouse_exclusions.c.warehouse_id == warehouse.id, warehouse_exclusions.c.source_id == source_id)
    await connection.execute(delete(warehouse_exclusions).where(*where))


async def delete_exclusions_of(connection: AsyncConnection, workspace_id: str, source_id: str) -> int:
    """Returns how many there were."""
    where = (warehouse_exclusions.c.workspace_id == workspace_id, warehouse_exclusions.c.source_id == source_id)
    return (await connection.execute(delete(warehouse_exclusions).where(*where))).rowcount
