"""Queries on warehouses and on which sources are not connected to them."""

import msgspec
from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from penstock.api.errors import NotFound
from penstock.api.pagination import Page, in_page
from penstock.resources.warehouses.table import warehouse_exclusions, warehouses


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


async def select_warehouses(connection: AsyncConnection, workspace_id: str, page: Page) -> tuple[list[Warehouse], int]:
    """Up to `page.count` + 1 warehouses as `in_page` orders them, and how many there are in all."""
    where = warehouses.c.workspace_id == workspace_id
    query = in_page(select(warehouses).where(where), page, warehouses.c.created_at, warehouses.c.id)
    rows = (await connection.execute(query)).all()
    total = (await connection.execute(select(func.count()).select_from(warehouses).where(where))).scalar_one()
    return [Warehouse(*row) for row in rows], total


async def select_workspace_warehouses(connection: AsyncConnection, workspace_id: str) -> list[Warehouse]:
    query = select(warehouses).where(warehouses.c.workspace_id == workspace_id)
    return [Warehouse(*row) for row in await connection.execute(query)]


async def select_all_warehouses(connection: AsyncConnection) -> list[Warehouse]:
    """Of all workspaces, for repairing what is published."""
    return [Warehouse(*row) for row in await connection.execute(select(warehouses))]


async def insert_warehouse(connection: AsyncConnection, warehouse: Warehouse) -> None:
    await connection.execute(insert(warehouses).values(msgspec.structs.asdict(warehouse)))


async def update_warehouse(connection: AsyncConnection, warehouse: Warehouse) -> None:
    where = (warehouses.c.workspace_id == warehouse.workspace_id, warehouses.c.id == warehouse.id)
    await connection.execute(update(warehouses).where(*where).values(msgspec.structs.asdict(warehouse)))


async def select_exclusions(connection: AsyncConnection, workspace_id: str) -> dict[str, list[str]]:
    """The sources that are not connected, by warehouse."""
    query = select(warehouse_exclusions).where(warehouse_exclusions.c.workspace_id == workspace_id)
    found: dict[str, list[str]] = {}
    for row in await connection.execute(query.order_by(warehouse_exclusions.c.source_id)):
        found.setdefault(row.warehouse_id, []).append(row.source_id)
    return found


async def insert_exclusion(connection: AsyncConnection, warehouse: Warehouse, source_id: str) -> None:
    values = {"warehouse_id": warehouse.id, "source_id": source_id, "workspace_id": warehouse.workspace_id}
    await connection.execute(insert(warehouse_exclusions).values(values))


async def delete_exclusions_of(connection: AsyncConnection, workspace_id: str, source_id: str) -> int:
    """Returns how many there were."""
    where = (warehouse_exclusions.c.workspace_id == workspace_id, warehouse_exclusions.c.source_id == source_id)
    return (await connection.execute(delete(warehouse_exclusions).where(*where))).rowcount
