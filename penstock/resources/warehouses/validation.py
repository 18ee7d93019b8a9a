"""Operations of the tag Warehouses that connect: the warehousing role tries, and tells at which step it ends."""

from typing import Any

from penstock.api.connection_settings import StoredSettings
from penstock.api.operation import Nothing, Question, RateLimit, Request, operation, schemas
from penstock.api.permissions import Permission
from penstock.api.scope import anywhere
from penstock.resources.catalog import warehouse_metadata
from penstock.resources.warehouses.operations import RESOURCE, warehouse_of
from penstock.resources.warehouses.schemas import ConnectionStateAnswer, ValidateWarehouse, ValidationAnswer
from penstock.resources.warehouses.service import merged, require_metadata
from penstock.resources.warehouses.snapshot import sealed_settings
from penstock.spec import calls

_SECONDS = 40.0
"""Longer than looking up a name and connecting may take together."""
_AUDIT = "Storage Destination Settings Validation"


def _state(reply: calls.ValidationReport) -> str:
    return "CONNECTED" if reply.is_connected else "FAILED"


async def _ask_about_settings(request: Request[ValidateWarehouse]) -> Question:
    body, unit = request.body, request.unit
    require_metadata(body.metadata_id)
    sealed = sealed_settings(merged(unit, StoredSettings(), body.metadata_id, body.settings), unit.sealer)
    call = calls.ValidateWarehouse(warehouse_metadata(body.metadata_id).slug, sealed)
    return Question(call, calls.ValidationReport, _SECONDS)


@operation(
    "createValidationInWarehouse",
    "POST",
    "/warehouses/validation",
    permission=anywhere(Permission.WAREHOUSE_ADMIN),
    body=schemas(ValidateWarehouse),
    answer=schemas(ValidationAnswer),
    audit=(_AUDIT,),
    asks=_ask_about_settings,
)
async def create_validation_in_warehouse(request: Request[ValidateWarehouse]) -> dict[str, Any]:
    """Connect with these settings, which are not stored. Where it fails, the role's log says at which step."""
    metadata = warehouse_metadata(request.body.metadata_id)
    await request.unit.audit(_AUDIT, RESOURCE, metadata.id, metadata.name)
    return {"status": _state(request.reply)}


async def _ask_about_warehouse(request: Request[Nothing]) -> Question:
    warehouse = await warehouse_of(request)
    slug = warehouse_metadata(warehouse.metadata_id).slug
    call = calls.ValidateWarehouse(slug, sealed_settings(warehouse, request.unit.sealer), warehouse.id)
    return Question(call, calls.ValidationReport, _SECONDS)


@operation(
    "getConnectionStateFromWarehouse",
    "GET",
    "/warehouses/{warehouseId}/connection-state",
    permission=Permission.WAREHOUSE_READ,
    answer=schemas(ConnectionStateAnswer),
    limit=RateLimit(200),
    asks=_ask_about_warehouse,
)
async def get_connection_state_from_warehouse(request: Request[Nothing]) -> dict[str, Any]:
    """Connect to the warehouse as it is configured now. Where it fails, the role's log says at which step."""
    return {"connection_state": _state(request.reply)}
