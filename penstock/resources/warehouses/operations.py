"""Operations of the tag Warehouses."""

from typing import Any

from penstock.api.operation import Nothing, Request, operation, schemas
from penstock.api.pagination import answer_page
from penstock.api.permissions import Permission
from penstock.api.schema import Pagination
from penstock.resources.warehouses.repository import require_warehouse, select_warehouses
from penstock.resources.warehouses.schemas import WarehouseAnswer, WarehousesAnswer
from penstock.resources.warehouses.service import view_of


@operation(
    "listWarehouses",
    "GET",
    "/warehouses",
    permission=Permission.WAREHOUSE_READ,
    answer=schemas(WarehousesAnswer),
    is_paged=True,
)
async def list_warehouses(request: Request[Nothing]) -> dict[str, Any]:
    """The warehouses of the workspace, the oldest first."""
    found, total = await select_warehouses(request.unit.connection, request.workspace_id, request.page)
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
    unit = request.unit
    warehouse = await require_warehouse(unit.connection, unit.workspace_id, request.path["warehouseId"])
    return {"warehouse": view_of(warehouse)}
