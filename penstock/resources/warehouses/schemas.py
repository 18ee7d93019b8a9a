"""What the API takes and tells of warehouses."""

from typing import Annotated

from pydantic import Field

from penstock.api.schema import Answer, Input, JsonObject, Pagination
from penstock.resources.catalog import WarehouseMetadata

Name = Annotated[str, Field(max_length=255)]


class CreateWarehouse(Input):
    metadata_id: str
    name: Name = ""
    enabled: bool = True
    settings: JsonObject
    disconnect_all_sources: bool = False


class CreateWarehouseSeed(CreateWarehouse):
    settings: JsonObject = Field(default={})


class UpdateWarehouse(Input):
    name: Name | None = None
    enabled: bool = True
    settings: JsonObject


class UpdateWarehouseSeed(UpdateWarehouse):
    settings: JsonObject = Field(default={})


class ValidateWarehouse(Input):
    metadata_id: str
    settings: JsonObject


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


class ValidationAnswer(Answer):
    """`CONNECTED` or `FAILED`."""

    status: str


class ConnectionStateAnswer(Answer):
    """`CONNECTED` or `FAILED`."""

    connection_state: str


class ConnectionAnswer(Answer):
    """`CONNECTED` or `NOT_CONNECTED`."""

    status: str
