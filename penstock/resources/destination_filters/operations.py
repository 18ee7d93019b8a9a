"""Operations of the tag Destination Filters."""

from typing import Any

import msgspec

from penstock.api.errors import BadRequest, InputInvalid
from penstock.api.operation import Nothing, Request, operation, schemas
from penstock.api.pagination import page_of
from penstock.api.permissions import Permission
from penstock.api.schema import DELETED, Deleted, Pagination
from penstock.api.scope import anywhere
from penstock.kit.ids import message_id, resource_id
from penstock.resources.destination_filters.admission import require_condition, stored_actions, warn_of_condition
from penstock.resources.destination_filters.repository import (
    DestinationFilter,
    delete_filter,
    insert_filter,
    require_filter,
    select_filters,
    update_filter,
)
from penstock.resources.destination_filters.schemas import (
    CreateFilter,
    FilterAnswer,
    FiltersAnswer,
    PreviewAnswer,
    PreviewFilter,
    UpdateFilter,
)
from penstock.resources.destination_filters.service import snapshot_of_previewed, view_of
from penstock.resources.destinations import Destination, require_destination, touch
from penstock.spec.edits.filters import Filters

FILTER_LIMIT = 10
"""Filters of one destination."""
_PATH = "/destination/{destinationId}/filters"
_ONE_PATH = _PATH + "/{filterId}"
_RESOURCE = "DESTINATION_FILTER"


async def _destination(request: Request[Any]) -> Destination:
    unit = request.unit
    return await require_destination(unit.connection, unit.workspace_id, request.path["destinationId"])


async def _filter(request: Request[Any]) -> DestinationFilter:
    unit, path = request.unit, request.path
    return await require_filter(unit.connection, unit.workspace_id, path["destinationId"], path["filterId"])


@operation(
    "previewDestinationFilter",
    "POST",
    "/destination/filters/preview",
    permission=anywhere(Permission.DESTINATION_READ),
    body=schemas(PreviewFilter),
    answer=schemas(PreviewAnswer),
)
async def preview_destination_filter(request: Request[PreviewFilter]) -> dict[str, Any]:
    """What a filter would leave of an event: `result` is null where it would be dropped. Nothing is stored.

    The event is judged by the code that judges real ones. Where a condition has no answer (`properties.total and true`
    with a number), the event is dropped, as it would be on its way.
    """
    payload = request.body.payload
    filters = Filters([snapshot_of_previewed(request.body.filter, "filter")])
    warn_of_condition(request.unit, request.body.filter.condition, "filter.if")
    named = payload.get("messageId")
    filtered = filters.apply(payload, named if isinstance(named, str) else message_id())
    return {"input_payload": payload, "result": filtered.event}


@operation(
    "createFilterForDestination",
    "POST",
    _PATH,
    permission=Permission.DESTINATION_ADMIN,
    body=schemas(CreateFilter),
    answer=schemas(FilterAnswer),
    audit=("Destination Filter Created",),
)
async def create_filter_for_destination(request: Request[CreateFilter]) -> dict[str, Any]:
    """Keep events, or parts of them, from a destination. `if` is FQL, or `all` for every event.

    Of all filters of a destination, all SAMPLE come first, then all DROP, DROP_PROPERTIES and ALLOW_PROPERTIES; an
    event must survive each. A destination has at most 10 filters.
    """
    body, unit = request.body, request.unit
    destination = await _destination(request)
    if body.source_id != destination.source_id:
        raise InputInvalid(f'"sourceId" {body.source_id} is not the source of this destination', field="sourceId")
    require_condition(body.condition, "if")
    warn_of_condition(unit, body.condition, "if")
    actions = stored_actions(body.actions, "actions")
    present = await select_filters(unit.connection, unit.workspace_id, destination.id)
    if len(present) >= FILTER_LIMIT:
        raise BadRequest(f"a destination has at most {FILTER_LIMIT} filters")
    added = DestinationFilter(
        id=resource_id(),
        workspace_id=unit.workspace_id,
        destination_id=destination.id,
        position=present[-1].position + 1 if present else 0,
        title=body.title,
        description=body.sent().get("description"),
        condition=body.condition,
        actions=actions,
        enabled=body.enabled,
        created_at=unit.now,
        updated_at=unit.now,
    )
    await insert_filter(unit.connection, added)
    await touch(unit, destination)
    await unit.audit("Destination Filter Created", _RESOURCE, added.id, added.title)
    return {"filter": view_of(added, destination.source_id)}


@operation(
    "listFiltersFromDestination",
    "GET",
    _PATH,
    permission=Permission.DESTINATION_READ,
    answer=schemas(FiltersAnswer),
    is_paged=True,
)
async def list_filters_from_destination(request: Request[Nothing]) -> dict[str, Any]:
    """A destination's filters, the oldest first."""
    destination = await _destination(request)
    found = await select_filters(request.unit.connection, request.workspace_id, destination.id)
    shown, page = page_of(found, request.page, lambda each: (each.position, each.id))
    return {
        "filters": [view_of(each, destination.source_id) for each in shown],
        "pagination": Pagination.of(page),
    }


@operation(
    "getFilterInDestination",
    "GET",
    _ONE_PATH,
    permission=Permission.DESTINATION_READ,
    answer=schemas(FilterAnswer),
)
async def get_filter_in_destination(request: Request[Nothing]) -> dict[str, Any]:
    """One filter."""
    found, destination = await _filter(request), await _destination(request)
    return {"filter": view_of(found, destination.source_id)}


@operation(
    "updateFilterForDestination",
    "PATCH",
    _ONE_PATH,
    permission=Permission.DESTINATION_ADMIN,
    body=schemas(UpdateFilter),
    answer=schemas(FilterAnswer),
    audit=("Destination Filter Enabled", "Destination Filter Disabled", "Destination Filter Modified"),
)
async def update_filter_for_destination(request: Request[UpdateFilter]) -> dict[str, Any]:
    """Change what is sent. `actions` replaces all of them; a null `description` removes it."""
    unit = request.unit
    found, destination = await _filter(request), await _destination(request)
    changed = msgspec.structs.replace(found, **_changes(request.body), updated_at=unit.now)
    await update_filter(unit.connection, changed)
    if "condition" in request.body.model_fields_set:
        warn_of_condition(unit, changed.condition, "if")
    await touch(unit, destination)
    for type_ in _audit_types(found, changed):
        await unit.audit(type_, _RESOURCE, changed.id, changed.title)
    return {"filter": view_of(changed, destination.source_id)}


def _changes(body: UpdateFilter) -> dict[str, Any]:
    changes = body.sent()
    if "condition" in changes:
        require_condition(body.condition, "if")
    if "actions" in changes:
        changes["actions"] = stored_actions(body.actions, "actions")
    return changes


def _audit_types(before: DestinationFilter, after: DestinationFilter) -> list[str]:
    types = []
    if before.enabled != after.enabled:
        types.append("Destination Filter Enabled" if after.enabled else "Destination Filter Disabled")
    rest = msgspec.structs.replace(after, enabled=before.enabled, updated_at=before.updated_at)
    if not types or rest != before:
        types.append("Destination Filter Modified")
    return types


@operation(
    "removeFilterFromDestination",
    "DELETE",
    _ONE_PATH,
    permission=Permission.DESTINATION_ADMIN,
    answer=schemas(Deleted),
    audit=("Destination Filter Deleted",),
)
async def remove_filter_from_destination(request: Request[Nothing]) -> dict[str, Any]:
    """Remove a filter; events that are read from then on pass without it."""
    unit = request.unit
    found, destination = await _filter(request), await _destination(request)
    await delete_filter(unit.connection, unit.workspace_id, found.id)
    await touch(unit, destination)
    await unit.audit("Destination Filter Deleted", _RESOURCE, found.id, found.title)
    return DELETED.model_dump()
