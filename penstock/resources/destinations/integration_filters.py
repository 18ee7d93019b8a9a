"""Events that are switched off for one destination (stage D4). Beside the contract (protocols.md §8)."""

from typing import Annotated, Any, Literal

import msgspec
from pydantic import Field

from penstock.api.errors import BadRequest, InputInvalid
from penstock.api.operation import Nothing, Request, operation, schemas
from penstock.api.permissions import Permission
from penstock.api.schema import Answer, Input
from penstock.api.unit import Unit
from penstock.resources.destinations.entries import entry_of
from penstock.resources.destinations.repository import Destination, require_destination, select_destinations_of
from penstock.resources.destinations.service import title_of, touch

_PATH = "/penstock/destinations/{destinationId}/integration-filters"
FILTERS_LIMIT = 100


class IntegrationFilter(Input):
    """Tracked events are told apart by their names; other types are switched off whole, and have none."""

    type: Literal["track", "identify", "group"]
    name: Annotated[str, Field(max_length=255)] = Field(default="")


class UpdateIntegrationFilters(Input):
    blocked_events: Annotated[list[IntegrationFilter], Field(max_length=FILTERS_LIMIT)]


class IntegrationFilters(Answer):
    destination_id: str
    is_active: bool
    blocked_events: list[IntegrationFilter]


class IntegrationFiltersAnswer(Answer):
    filters: IntegrationFilters


@operation(
    "getIntegrationFilters",
    "GET",
    _PATH,
    permission=Permission.DESTINATION_READ,
    answer=schemas(IntegrationFiltersAnswer),
)
async def get_integration_filters(request: Request[Nothing]) -> dict[str, Any]:
    """Which events a destination does not get. They act while its source has no tracking plan."""
    unit = request.unit
    found = await require_destination(unit.connection, unit.workspace_id, request.path["destinationId"])
    return {"filters": _view(found, is_active=not await unit.contributed("tracking_plan", found.source_id))}


@operation(
    "updateIntegrationFilters",
    "PATCH",
    _PATH,
    permission=Permission.DESTINATION_ADMIN,
    body=schemas(UpdateIntegrationFilters),
    answer=schemas(IntegrationFiltersAnswer),
    audit=("Integration Modified",),
)
async def update_integration_filters(request: Request[UpdateIntegrationFilters]) -> dict[str, Any]:
    """Replace the events that the destination does not get: tracked ones by name, or all of `identify` or `group`.

    An event whose `integrations` object names the destination is not judged by them. What is refused ends as filtered
    at its destination, `FILTERED_BY_INTEGRATIONS_OBJECT`. Refused (400) while the source has a tracking plan.
    """
    unit = request.unit
    destination = await require_destination(unit.connection, unit.workspace_id, request.path["destinationId"])
    if await unit.contributed("tracking_plan", destination.source_id):
        raise BadRequest(f"source {destination.source_id} has a tracking plan, and so no filters by event")
    for place, each in enumerate(request.body.blocked_events):
        if each.type == "track" and not each.name:
            field = f"blockedEvents.{place}.name"
            raise InputInvalid(f'"{field}" is required', field=field)
    blocked = {(each.type, each.name if each.type == "track" else ""): None for each in request.body.blocked_events}
    stored = msgspec.json.encode(list(blocked)).decode()
    if stored != destination.blocked_events:
        destination = await touch(unit, msgspec.structs.replace(destination, blocked_events=stored))
        title = title_of(destination, await entry_of(unit, destination))
        await unit.audit("Integration Modified", "DESTINATION", destination.id, title)
    return {"filters": _view(destination, is_active=True)}


async def touch_filtered_destinations(unit: Unit, source_id: str) -> None:
    """What happens here when a source gets a tracking plan, or loses its own: the filters rest, or act again."""
    for destination in await select_destinations_of(unit.connection, unit.workspace_id, source_id):
        if destination.blocked_events != "[]":
            await touch(unit, destination)


def _view(destination: Destination, *, is_active: bool) -> IntegrationFilters:
    blocked = [
        IntegrationFilter(type=type_, **({"name": name} if name else {}))
        for type_, name in msgspec.json.decode(destination.blocked_events)
    ]
    return IntegrationFilters(destination_id=destination.id, is_active=is_active, blocked_events=blocked)
