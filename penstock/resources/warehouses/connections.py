"""Operations on which sources a warehouse loads: all of them, but for those that were disconnected."""

from typing import Any

from penstock.api.operation import Nothing, Request, operation, schemas
from penstock.api.pagination import answer_page
from penstock.api.permissions import Permission
from penstock.api.schema import DELETED, Deleted, Pagination
from penstock.api.scope import anywhere
from penstock.resources.sources import SourcesAnswer, require_source, sources_page
from penstock.resources.warehouses.operations import MODIFIED, RESOURCE, warehouse_of
from penstock.resources.warehouses.repository import (
    Warehouse,
    delete_exclusion,
    excluded_ids,
    insert_exclusions,
    is_excluded,
    select_warehouses,
)
from penstock.resources.warehouses.schemas import ConnectionAnswer, WarehousesAnswer
from penstock.resources.warehouses.service import title_of, touch, view_of

_PATH = "/warehouses/{warehouseId}/connected-sources"


@operation(
    "listConnectedSourcesFromWarehouse",
    "GET",
    _PATH,
    permission=Permission.WAREHOUSE_READ,
    also=(anywhere(Permission.SOURCE_READ),),
    answer=schemas(SourcesAnswer),
    is_paged=True,
)
async def list_connected_sources_from_warehouse(request: Request[Nothing]) -> dict[str, Any]:
    """The sources that the warehouse loads and the token may read, the oldest first."""
    return await sources_page(request, but=excluded_ids(await warehouse_of(request)))


@operation(
    "listConnectedWarehousesFromSource",
    "GET",
    "/sources/{sourceId}/connected-warehouses",
    permission=Permission.SOURCE_READ,
    also=(anywhere(Permission.WAREHOUSE_READ),),
    answer=schemas(WarehousesAnswer),
    is_paged=True,
)
async def list_connected_warehouses_from_source(request: Request[Nothing]) -> dict[str, Any]:
    """The warehouses that load the source and that the token may read, the oldest first."""
    connection, reach = request.unit.connection, request.principal.reach(Permission.WAREHOUSE_READ)
    source = await require_source(connection, request.workspace_id, request.path["sourceId"])
    found, total = await select_warehouses(connection, request.workspace_id, request.page, reach, source.id)
    shown, page = answer_page(request.page, found, total, lambda each: (each.created_at, each.id))
    return {"warehouses": [view_of(each) for each in shown], "pagination": Pagination.of(page)}


@operation(
    "addConnectionFromSourceToWarehouse",
    "POST",
    f"{_PATH}/{{sourceId}}",
    permission=Permission.WAREHOUSE_ADMIN,
    also=(Permission.SOURCE_ADMIN,),
    answer=schemas(ConnectionAnswer),
    created=True,
    is_in_seed=False,
    audit=(MODIFIED,),
)
async def add_connection_from_source_to_warehouse(request: Request[Nothing]) -> dict[str, Any]:
    """Connect a source. What the warehouse has not got of it while it was not connected follows, as far as it is kept.

    A source that is connected already stays so.
    """
    warehouse, source_id, excluded = await _pair(request)
    if excluded:
        await delete_exclusion(request.unit.connection, warehouse, source_id)
        await _changed(request, warehouse)
    return {"status": "CONNECTED"}


@operation(
    "removeSourceConnectionFromWarehouse",
    "DELETE",
    f"{_PATH}/{{sourceId}}",
    permission=Permission.WAREHOUSE_ADMIN,
    also=(Permission.SOURCE_ADMIN,),
    answer=schemas(Deleted),
    audit=(MODIFIED,),
)
async def remove_source_connection_from_warehouse(request: Request[Nothing]) -> dict[str, Any]:
    """Disconnect a source. What the warehouse holds of it stays."""
    warehouse, source_id, excluded = await _pair(request)
    if not excluded:
        await insert_exclusions(request.unit.connection, [warehouse], [source_id])
        await _changed(request, warehouse)
    return DELETED.model_dump()


async def _pair(request: Request[Nothing]) -> tuple[Warehouse, str, bool]:
    """The two that the path names, and whether they are not connected. Raises NotFound."""
    unit = request.unit
    warehouse = await warehouse_of(request)
    source = await require_source(unit.connection, unit.workspace_id, request.path["sourceId"])
    return warehouse, source.id, await is_excluded(unit.connection, warehouse, source.id)


async def _changed(request: Request[Nothing], warehouse: Warehouse) -> None:
    await touch(request.unit, warehouse)
    await request.unit.audit(MODIFIED, RESOURCE, warehouse.id, title_of(warehouse))
