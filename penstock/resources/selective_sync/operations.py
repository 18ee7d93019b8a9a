"""Operations of the tag Selective Sync on collections and properties."""

from typing import Any

from penstock.api.errors import BadRequest, InputInvalid
from penstock.api.operation import Nothing, RateLimit, Request, operation, schemas
from penstock.api.pagination import page_of
from penstock.api.permissions import Permission
from penstock.api.schema import Pagination
from penstock.resources.selective_sync.admission import OFF_LIMIT, change_of
from penstock.resources.selective_sync.repository import delete_off, insert_off, select_off
from penstock.resources.selective_sync.schemas import (
    Override,
    SelectiveSync,
    SelectiveSyncsAnswer,
    UpdateSelectiveSync,
    UpdateSelectiveSyncAnswer,
)
from penstock.resources.sources import find_source, require_source
from penstock.resources.warehouse_syncs import select_collections
from penstock.resources.warehouses import MODIFIED, RESOURCE, title_of, touch, warehouse_of

LIMIT = RateLimit(2)


@operation(
    "listSelectiveSyncsFromWarehouseAndSource",
    "GET",
    "/warehouses/{warehouseId}/connected-sources/{sourceId}/selective-syncs",
    permission=Permission.WAREHOUSE_READ,
    answer=schemas(SelectiveSyncsAnswer),
    is_paged=True,
    limit=LIMIT,
)
async def list_selective_syncs_from_warehouse_and_source(request: Request[Nothing]) -> dict[str, Any]:
    """The collections that rows have come to, and those that are off, by name; of their properties, those that are off.

    A collection of which nothing is listed is loaded.
    """
    unit = request.unit
    warehouse = await warehouse_of(request)
    source = await require_source(unit.connection, unit.workspace_id, request.path["sourceId"])
    off = [row for row in await select_off(unit.connection, warehouse.id) if row.source_id == source.id]
    known = await select_collections(unit.connection, warehouse.id, source.id)
    whole = {row.collection for row in off if not row.property}
    items = [
        SelectiveSync(
            source_id=source.id,
            collection=name,
            warehouse_id=warehouse.id,
            enabled=whole.isdisjoint(("", name)),
            properties={row.property: False for row in off if row.collection == name and row.property},
        )
        for name in sorted({*known, *(row.collection for row in off)} - {""})
    ]
    shown, page = page_of(items, request.page, lambda each: (each.collection, each.source_id))
    return {"items": shown, "pagination": Pagination.of(page)}


@operation(
    "updateSelectiveSyncForWarehouse",
    "PATCH",
    "/warehouses/{warehouseId}/selective-sync",
    permission=Permission.SELECTIVE_SYNC_ADMIN,
    body=schemas(UpdateSelectiveSync),
    answer=schemas(UpdateSelectiveSyncAnswer),
    audit=(MODIFIED,),
    limit=LIMIT,
)
async def update_selective_sync_for_warehouse(request: Request[UpdateSelectiveSync]) -> dict[str, Any]:
    """Turn sources, collections (tables) and properties (columns) on and off, by their names in the warehouse.

    What is turned off is loaded no more from then on; nothing is deleted. A source that is turned on again gets what it
    missed, as far as it is kept; a collection or property goes on from then.
    """
    unit = request.unit
    warehouse = await warehouse_of(request)
    for number, override in enumerate(request.body.sync_overrides):
        await _require_override(request, number, override)
    present = await select_off(unit.connection, warehouse.id)
    change = change_of(present, warehouse.id, request.body.sync_overrides)
    if len(present) + len(change.added) - len(change.removed) > OFF_LIMIT:
        raise BadRequest(f"in one warehouse at most {OFF_LIMIT} sources, collections and properties may be off")
    if not change.added and not change.removed:
        return {"status": "UNCHANGED", "warnings": change.warnings}
    await delete_off(unit.connection, change.removed)
    if change.added:
        await insert_off(unit.connection, change.added)
    await touch(unit, warehouse)
    await unit.audit(MODIFIED, RESOURCE, warehouse.id, title_of(warehouse))
    return {"status": "UPDATED", "warnings": change.warnings}


async def _require_override(request: Request[UpdateSelectiveSync], number: int, override: Override) -> None:
    """Raises InputInvalid naming the field."""
    field = f"syncOverrides.{number}"
    if override.property and not override.collection:
        raise InputInvalid(f'"{field}.collection" is required beside a property', field=f"{field}.collection")
    if await find_source(request.unit.connection, request.workspace_id, override.source_id) is None:
        raise InputInvalid(f'"{field}.sourceId" {override.source_id} does not exist', field=f"{field}.sourceId")
