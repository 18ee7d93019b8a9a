"""What the API tells of warehouses."""

from penstock.api.schema import Answer, JsonObject, Pagination
from penstock.resources.catalog import WarehouseMetadata


class Warehouse(Answer):
    id: str
    metadata: WarehouseMetadata
    workspace_id: str
    enabled: bool
    settings: JsonObject


class WarehouseAnswer(Answer):
    warehouse: Warehouse


class WarehousesAnswer(Answer):
    warehouses: list[Warehouse]
    pagination: Pagination
