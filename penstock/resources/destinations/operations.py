"""Operations of the tag Destinations, first part: the destinations themselves."""

from typing import Any

import msgspec

from penstock.api.connection_settings import StoredSettings, merge
from penstock.api.errors import InputInvalid
from penstock.api.operation import Nothing, Request, operation, schemas
from penstock.api.pagination import answer_page
from penstock.api.permissions import Permission
from penstock.api.reach import WHOLE
from penstock.api.schema import DELETED, Deleted, Pagination
from penstock.api.scope import anywhere
from penstock.kit.ids import resource_id
from penstock.resources.destinations.admission import require_free_name, require_room, require_settings
from penstock.resources.destinations.entries import entry_of, require_entry
from penstock.resources.destinations.repository import (
    Destination,
    insert_destination,
    require_destination,
    select_destinations,
)
from penstock.resources.destinations.schemas import (
    CreateDestination,
    CreateDestinationSeed,
    DestinationAnswer,
    DestinationsAnswer,
    SeedDestinationAnswer,
    SeedDestinationsAnswer,
    UpdateDestination,
    UpdateDestinationSeed,
)
from penstock.resources.destinations.service import (
    add_subscriptions,
    publish,
    remove,
    title_of,
    touch,
    view_of,
    views_of,
)
from penstock.resources.sources import find_source, require_source

_ONE = schemas(DestinationAnswer, seed=SeedDestinationAnswer)


@operation(
    "createDestination",
    "POST",
    "/destinations",
    permission=Permission.DESTINATION_ADMIN,
    body=schemas(CreateDestination, seed=CreateDestinationSeed),
    answer=_ONE,
    audit=("Integration Created",),
)
async def create_destination(request: Request[CreateDestination]) -> dict[str, Any]:
    """Attach a destination to a source. It is disabled unless `enabled` is true.

    `metadataId` is that of a catalog entry, or the id of a destination function. Where the catalog entry has automatic
    presets, their subscriptions are made and enabled; otherwise there are none.
    Settings are checked against the entry's options, and one that is enabled must have all that are required; secret
    ones are read back masked. A source has at most 25 instances of one destination, and no two of one name.
    """
    body, unit = request.body, request.unit
    entry = await require_entry(unit, body.metadata_id)
    if await find_source(unit.connection, unit.workspace_id, body.source_id) is None:
        raise InputInvalid(f'"sourceId" {body.source_id} does not exist', field="sourceId")
    stored = merge(StoredSettings(), body.settings, entry.options, unit.sealer)
    destination = Destination(
        id=resource_id(),
        workspace_id=unit.workspace_id,
        version=1,
        source_id=body.source_id,
        metadata_id=entry.id,
        name=body.name,
        enabled=body.enabled,
        settings=stored.settings,
        sealed_secrets=stored.sealed_secrets,
        created_at=unit.now,
        enabled_at=unit.now if body.enabled else 0,
    )
    require_settings(unit, destination, entry)
    await require_room(unit, destination)
    await require_free_name(unit, destination)
    await insert_destination(unit.connection, destination)
    await add_subscriptions(unit, destination, entry.presets)
    await publish(unit, destination)
    await unit.audit("Integration Created", "DESTINATION", destination.id, title_of(destination, entry))
    return {"destination": view_of(destination, entry)}


@operation(
    "getDestination",
    "GET",
    "/destinations/{destinationId}",
    permission=Permission.DESTINATION_READ,
    answer=_ONE,
)
async def get_destination(request: Request[Nothing]) -> dict[str, Any]:
    """One destination."""
    unit = request.unit
    found = await require_destination(unit.connection, unit.workspace_id, request.path["destinationId"])
    return {"destination": view_of(found, await entry_of(unit, found))}


@operation(
    "listDestinations",
    "GET",
    "/destinations",
    permission=anywhere(Permission.DESTINATION_READ),
    answer=schemas(DestinationsAnswer, seed=SeedDestinationsAnswer),
    is_paged=True,
)
async def list_destinations(request: Request[Nothing]) -> dict[str, Any]:
    """The destinations of the sources that the token may read, the oldest first."""
    reach = request.principal.reach(Permission.DESTINATION_READ)
    found, total = await select_destinations(request.unit.connection, request.workspace_id, request.page, reach)
    shown, page = answer_page(request.page, found, total, lambda each: (each.created_at, each.id))
    return {"destinations": await views_of(request.unit, shown), "pagination": Pagination.of(page)}


@operation(
    "listConnectedDestinationsFromSource",
    "GET",
    "/sources/{sourceId}/connected-destinations",
    permission=Permission.DESTINATION_READ,
    answer=schemas(DestinationsAnswer),
    is_paged=True,
)
async def list_connected_destinations_from_source(request: Request[Nothing]) -> dict[str, Any]:
    """The destinations of a source, the oldest first; of the tag Sources, for a source by itself knows of none."""
    unit = request.unit
    source = await require_source(unit.connection, unit.workspace_id, request.path["sourceId"])
    found, total = await select_destinations(unit.connection, unit.workspace_id, request.page, WHOLE, source.id)
    shown, page = answer_page(request.page, found, total, lambda each: (each.created_at, each.id))
    return {"destinations": await views_of(request.unit, shown), "pagination": Pagination.of(page)}


@operation(
    "updateDestination",
    "PATCH",
    "/destinations/{destinationId}",
    permission=Permission.DESTINATION_ADMIN,
    body=schemas(UpdateDestination, seed=UpdateDestinationSeed),
    answer=_ONE,
    audit=("Integration Modified", "Integration Enabled", "Integration Disabled"),
)
async def update_destination(request: Request[UpdateDestination]) -> dict[str, Any]:
    """Change what is sent. Settings are merged by key: null removes one, the mask leaves a secret as it is."""
    unit, sent = request.unit, request.body.sent()
    destination = await require_destination(unit.connection, unit.workspace_id, request.path["destinationId"])
    entry = await entry_of(unit, destination)
    if "name" in sent:
        sent["name"] = sent["name"] or ""
    if "settings" in sent:
        stored = StoredSettings(destination.settings, destination.sealed_secrets)
        sent |= msgspec.structs.asdict(merge(stored, sent["settings"], entry.options, unit.sealer))
    if sent.get("enabled") and not destination.enabled:
        sent["enabled_at"] = unit.now
    changed = msgspec.structs.replace(destination, **sent)
    if "settings" in sent or "enabled" in sent:
        require_settings(unit, changed, entry)
    if changed.name != destination.name:
        await require_free_name(unit, changed)
    changed = await touch(unit, changed)
    for type_ in _audit_types(destination, changed):
        await unit.audit(type_, "DESTINATION", changed.id, title_of(changed, entry))
    return {"destination": view_of(changed, entry)}


def _audit_types(before: Destination, after: Destination) -> list[str]:
    types = []
    if before.enabled != after.enabled:
        types.append("Integration Enabled" if after.enabled else "Integration Disabled")
    if not types or (before.name, before.settings, before.sealed_secrets) != (
        after.name,
        after.settings,
        after.sealed_secrets,
    ):
        types.append("Integration Modified")
    return types


@operation(
    "deleteDestination",
    "DELETE",
    "/destinations/{destinationId}",
    permission=Permission.DESTINATION_ADMIN,
    answer=schemas(Deleted),
    audit=("Integration Deleted",),
)
async def delete_destination(request: Request[Nothing]) -> dict[str, Any]:
    """Delete a destination with its subscriptions and filters."""
    unit = request.unit
    await remove(unit, await require_destination(unit.connection, unit.workspace_id, request.path["destinationId"]))
    return DELETED.model_dump()
