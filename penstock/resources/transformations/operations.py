"""Operations of the tag Transformations."""

from typing import Any

import msgspec

from penstock.api.operation import Nothing, Request, operation, schemas
from penstock.api.pagination import answer_page
from penstock.api.permissions import Permission
from penstock.api.schema import DELETED, Deleted, Pagination
from penstock.api.scope import anywhere
from penstock.infra.secrets import Sealer
from penstock.kit.ids import resource_id
from penstock.resources.transformations.admission import require_fit, require_levels, warn_of
from penstock.resources.transformations.repository import (
    Transformation,
    insert_transformation,
    require_transformation,
    select_transformations,
)
from penstock.resources.transformations.repository import delete_transformation as delete_row
from penstock.resources.transformations.repository import update_transformation as update_row
from penstock.resources.transformations.schemas import (
    CreateTransformation,
    CreateTransformationSeed,
    Operations,
    TransformationAnswer,
    TransformationsAnswer,
    UpdateTransformation,
)
from penstock.resources.transformations.service import (
    merged,
    operations_of,
    require_alone,
    require_scope,
    stored,
    view_of,
)
from penstock.resources.transformations.snapshot import publish, scope_of

_PATH = "/transformations"
_ONE_PATH = _PATH + "/{transformationId}"
_RESOURCE = "TRANSFORMATION"
_SCOPE = ("name", "source_id", "destination_metadata_id", "enabled", "condition")


async def _transformation(request: Request[Any]) -> Transformation:
    unit = request.unit
    return await require_transformation(unit.connection, unit.workspace_id, request.path["transformationId"])


@operation(
    "listTransformations",
    "GET",
    _PATH,
    permission=anywhere(Permission.TRANSFORMATION_READ),
    answer=schemas(TransformationsAnswer),
    is_paged=True,
)
async def list_transformations(request: Request[Nothing]) -> dict[str, Any]:
    """The transformations of the sources that the token may read, the oldest first."""
    unit, reach = request.unit, request.principal.reach(Permission.TRANSFORMATION_READ)
    found, total = await select_transformations(unit.connection, unit.workspace_id, request.page, reach)
    shown, page = answer_page(request.page, found, total, lambda each: (each.created_at, each.id))
    return {"transformations": [view_of(each) for each in shown], "pagination": Pagination.of(page)}


@operation(
    "createTransformation",
    "POST",
    _PATH,
    permission=Permission.TRANSFORMATION_ADMIN,
    body=schemas(CreateTransformation, seed=CreateTransformationSeed),
    answer=schemas(TransformationAnswer),
    audit=("Transformation Created",),
)
async def create_transformation(request: Request[CreateTransformation]) -> dict[str, Any]:
    """Make a transformation of a source's events; with `destinationMetadataId`, for destinations of that type alone.

    `if` is FQL, or `all` for every event. Transformations of one scope act in the order of their making, each on what
    the one before left of the event.
    """
    body, unit = request.body, request.unit
    metadata_id = body.sent().get("destination_metadata_id")
    await require_scope(unit, body.source_id, metadata_id)
    require_fit(body.condition, body)
    require_levels(body)
    warn_of(unit, body, body.condition)
    added = Transformation(
        id=resource_id(),
        workspace_id=unit.workspace_id,
        source_id=body.source_id,
        destination_metadata_id=metadata_id,
        name=body.name,
        enabled=body.enabled,
        condition=body.condition,
        **stored(body, unit.sealer),
        created_at=unit.now,
        updated_at=unit.now,
    )
    await require_alone(unit, added, body)
    await insert_transformation(unit.connection, added)
    await publish(unit, scope_of(added))
    await unit.audit("Transformation Created", _RESOURCE, added.id, added.name)
    return {"transformation": view_of(added)}


@operation(
    "getTransformation",
    "GET",
    _ONE_PATH,
    permission=Permission.TRANSFORMATION_READ,
    answer=schemas(TransformationAnswer),
)
async def get_transformation(request: Request[Nothing]) -> dict[str, Any]:
    """One transformation. The key of its hash is masked."""
    return {"transformation": view_of(await _transformation(request))}


@operation(
    "updateTransformation",
    "PATCH",
    _ONE_PATH,
    permission=Permission.TRANSFORMATION_ADMIN,
    body=schemas(UpdateTransformation),
    answer=schemas(TransformationAnswer),
    audit=("Transformation Updated",),
)
async def update_transformation(request: Request[UpdateTransformation]) -> dict[str, Any]:
    """Change what is sent; a list takes the place of the whole one before."""
    body, unit = request.body, request.unit
    found = await _transformation(request)
    operations = merged(operations_of(found, unit.sealer), body)
    changed = msgspec.structs.replace(found, **_changes(body, operations, unit.sealer), updated_at=unit.now)
    await require_scope(unit, changed.source_id, changed.destination_metadata_id)
    require_fit(changed.condition, operations)
    require_levels(body)
    warn_of(unit, body, body.sent().get("condition"))
    await require_alone(unit, changed, operations)
    await update_row(unit.connection, changed)
    await publish(unit, scope_of(found), scope_of(changed))
    await unit.audit("Transformation Updated", _RESOURCE, changed.id, changed.name)
    return {"transformation": view_of(changed)}


def _changes(body: UpdateTransformation, operations: Operations, sealer: Sealer) -> dict[str, Any]:
    scope = {name: value for name, value in body.sent().items() if name in _SCOPE}
    return {**scope, **stored(operations, sealer)}


@operation(
    "deleteTransformation",
    "DELETE",
    _ONE_PATH,
    permission=Permission.TRANSFORMATION_ADMIN,
    answer=schemas(Deleted),
    audit=("Transformation Deleted",),
)
async def delete_transformation(request: Request[Nothing]) -> dict[str, Any]:
    """Delete a transformation."""
    unit, found = request.unit, await _transformation(request)
    await delete_row(unit.connection, unit.workspace_id, found.id)
    await publish(unit, scope_of(found))
    await unit.audit("Transformation Deleted", _RESOURCE, found.id, found.name)
    return DELETED.model_dump()
