"""Operations of the tag Warehouses, first part: the warehouses themselves."""

from typing import Any

import msgspec

from penstock.api.connection_settings import StoredSettings
from penstock.api.operation import Nothing, Request, operation, schemas
from penstock.api.pagination import answer_page
from penstock.api.permissions import Permission
from penstock.api.schema import DELETED, Deleted, Pagination
from penstock.api.scope import anywhere
from penstock.resources.warehouses.repository import (
    Warehouse,
    require_warehouse,
    select_warehouses,
)
from penstock.resources.warehouses.repository import (
    delete_warehouse as delete_warehouse_row,
)
from penstock.resources.warehouses.schemas import (
    CreateWarehouse,
    CreateWarehouseSeed,
    UpdateWarehouse,
    UpdateWarehouseSeed,
    WarehouseAnswer,
    WarehousesAnswer,
)
from penstock.resources.warehouses.service import (
    add_warehouse,
    leave_file,
    merged,
    name_in,
    require_metadata,
    require_own_file,
    title_of,
    touch,
    view_of,
)
from penstock.spec.snapshot import SnapshotKind

RESOURCE = "WAREHOUSE"
CREATED, MODIFIED, DELETED_EVENT = (f"Storage Destination {what}" for what in ("Created", "Modified", "Deleted"))
ENABLED, DISABLED = "Storage Destination Enabled", "Storage Destination Disabled"


@operation(
    "createWarehouse",
    "POST",
    "/warehouses",
    permission=Permission.WAREHOUSE_ADMIN,
    body=schemas(CreateWarehouse, seed=CreateWarehouseSeed),
    answer=schemas(WarehouseAnswer),
    created=True,
    audit=(CREATED,),
)
async def create_warehouse(request: Request[CreateWarehouse]) -> dict[str, Any]:
    """Make a warehouse. Every source is connected to it, unless `disconnectAllSources` is true.

    Secret settings are read back masked. A DuckDB warehouse needs a file of its own (`settings.file`), and one that a
    deleted warehouse has left is not its own. One that this release cannot load is kept; its connection state says that
    it fails.
    """
    body, unit = request.body, request.unit
    require_metadata(body.metadata_id)
    warehouse = await add_warehouse(
        unit,
        body.metadata_id,
        name_in(body.sent()),
        body.settings,
        enabled=body.enabled,
        is_connected=not body.disconnect_all_sources,
    )
    await unit.audit(CREATED, RESOURCE, warehouse.id, title_of(warehouse))
    return {"warehouse": view_of(warehouse)}


@operation(
    "listWarehouses",
    "GET",
    "/warehouses",
    permission=anywhere(Permission.WAREHOUSE_READ),
    answer=schemas(WarehousesAnswer),
    is_paged=True,
)
async def list_warehouses(request: Request[Nothing]) -> dict[str, Any]:
    """The warehouses of the workspace that the token may read, the oldest first."""
    reach = request.principal.reach(Permission.WAREHOUSE_READ)
    found, total = await select_warehouses(request.unit.connection, request.workspace_id, request.page, reach)
    shown, page = answer_page(request.page, found, total, lambda each: (each.created_at, each.id))
    return {"warehouses": [view_of(each) for each in shown], "pagination": Pagination.of(page)}


@operation(
    "getWarehouse",
    "GET",
    "/warehouses/{warehouseId}",
    permission=Permission.WAREHOUSE_READ,
    answer=schemas(WarehouseAnswer),
)
async def get_warehouse(request: Request[Nothing]) -> dict[str, Any]:
    """One warehouse."""
    return {"warehouse": view_of(await warehouse_of(request))}


@operation(
    "updateWarehouse",
    "PATCH",
    "/warehouses/{warehouseId}",
    permission=Permission.WAREHOUSE_ADMIN,
    body=schemas(UpdateWarehouse, seed=UpdateWarehouseSeed),
    answer=schemas(WarehouseAnswer),
    audit=(MODIFIED, ENABLED, DISABLED),
)
async def update_warehouse(request: Request[UpdateWarehouse]) -> dict[str, Any]:
    """Change what is sent. Settings are merged by key: null removes one, the mask leaves a secret as it is.

    The name stands in the settings on read; `name` beside the settings wins over the one in them.
    """
    unit, sent = request.unit, request.body.sent()
    warehouse = await warehouse_of(request)
    changes: dict[str, Any] = {"name": name_in(sent, warehouse.name)}
    if "settings" in sent:
        stored = StoredSettings(warehouse.settings, warehouse.sealed_secrets)
        changes |= msgspec.structs.asdict(merged(unit, stored, warehouse.metadata_id, sent["settings"]))
    if "enabled" in sent:
        changes["enabled"] = sent["enabled"]
    wanted = msgspec.structs.replace(warehouse, **changes)
    if wanted.settings != warehouse.settings:
        await require_own_file(unit, wanted)
        await leave_file(unit, warehouse)
    changed = await touch(unit, wanted)
    for type_ in _audit_types(warehouse, changed):
        await unit.audit(type_, RESOURCE, changed.id, title_of(changed))
    return {"warehouse": view_of(changed)}


def _audit_types(before: Warehouse, after: Warehouse) -> list[str]:
    types = [MODIFIED]
    if before.enabled != after.enabled:
        types.append(ENABLED if after.enabled else DISABLED)
    return types


@operation(
    "deleteWarehouse",
    "DELETE",
    "/warehouses/{warehouseId}",
    permission=Permission.WAREHOUSE_ADMIN,
    answer=schemas(Deleted),
    audit=(DELETED_EVENT,),
)
async def delete_warehouse(request: Request[Nothing]) -> dict[str, Any]:
    """Delete a warehouse. The data in it stays; the file of a DuckDB warehouse can be moved away or removed by hand.

    People who are deleted later are deleted from that file too, for as long as it stands in the folder.
    """
    unit = request.unit
    warehouse = await warehouse_of(request)
    await unit.react("warehouse_deleted", warehouse.id)
    await leave_file(unit, warehouse)
    await delete_warehouse_row(unit.connection, warehouse)
    unit.bury(SnapshotKind.WAREHOUSE, warehouse.id, warehouse.version + 1)
    await unit.audit(DELETED_EVENT, RESOURCE, warehouse.id, title_of(warehouse))
    return DELETED.model_dump()


async def warehouse_of(request: Request[Any]) -> Warehouse:
    """The warehouse that the path names. Raises NotFound."""
    return await require_warehouse(request.unit.connection, request.workspace_id, request.path["warehouseId"])
