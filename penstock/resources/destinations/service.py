"""Rules that the operations on destinations and on subscriptions share."""

from collections.abc import Sequence
from typing import Any

import msgspec

from penstock.api.connection_settings import StoredSettings, masked
from penstock.api.errors import BadRequest, InputInvalid
from penstock.api.unit import Unit
from penstock.kit.ids import resource_id
from penstock.resources.catalog import DestinationEntry, PresetEntry
from penstock.resources.destinations import schemas
from penstock.resources.destinations.entries import entries_of, entry_of, find_entry
from penstock.resources.destinations.repository import (
    Destination,
    Subscription,
    delete_destination,
    insert_subscriptions,
    select_destinations_of,
    select_destinations_with,
    select_subscriptions,
    update_destination,
)
from penstock.resources.destinations.snapshot import Parts, snapshot_of
from penstock.resources.destinations.trigger import TriggerError, check_trigger
from penstock.spec.snapshot import DestinationSnapshot, SnapshotKind

MAPPING_LIMIT = 50


async def require_action(unit: Unit, destination: Destination, action: str) -> None:
    """Raises InputInvalid naming the field."""
    if action not in (await entry_of(unit, destination)).actions:
        raise InputInvalid(f'"actionId" {action} is not an action of this destination', field="actionId")


def require_trigger(trigger: str, field: str) -> None:
    """Raises InputInvalid naming the field."""
    try:
        check_trigger(trigger)
    except TriggerError as error:
        raise InputInvalid(f'"{field}" {error}', field=field) from error


async def add_subscriptions(
    unit: Unit, destination: Destination, wanted: Sequence[PresetEntry], model_id: str = ""
) -> list[Subscription]:
    """Append mappings. Raises BadRequest past the limit."""
    present = await select_subscriptions(unit.connection, unit.workspace_id, destination.id)
    if len(present) + len(wanted) > MAPPING_LIMIT:
        raise BadRequest(f"a destination has at most {MAPPING_LIMIT} subscriptions")
    first = present[-1].position + 1 if present else 0
    added = [
        Subscription(
            id=resource_id(),
            workspace_id=unit.workspace_id,
            destination_id=destination.id,
            position=position,
            name=each.name,
            action=each.action,
            trigger=each.trigger,
            enabled=each.enabled,
            settings=msgspec.json.encode(each.mapping).decode(),
            model_id=model_id,
            schedule="",
            created_at=unit.now,
        )
        for position, each in enumerate(wanted, first)
    ]
    if added:
        await insert_subscriptions(unit.connection, added)
    return added


async def touch(unit: Unit, destination: Destination) -> Destination:
    """Write the destination with its next version, and tell the data plane of it and of all that belongs to it."""
    changed = msgspec.structs.replace(destination, version=destination.version + 1)
    await update_destination(unit.connection, changed)
    await publish(unit, changed)
    return changed


async def publish(unit: Unit, destination: Destination) -> None:
    unit.publish(SnapshotKind.DESTINATION, await current_snapshot(unit, destination))


async def current_snapshot(unit: Unit, destination: Destination) -> DestinationSnapshot:
    """With what other slices keep of it."""
    found = await select_subscriptions(unit.connection, unit.workspace_id, destination.id)
    filters = await unit.contributed("destination_filters", destination.id)
    transformations = await unit.contributed("destination_transformations", destination.id)
    insertion = next(iter(await unit.contributed("destination_insertion", destination.id)), None)
    entry = await find_entry(unit, destination.metadata_id)
    has_plan = bool(await unit.contributed("tracking_plan", destination.source_id))
    parts = Parts(found, filters, transformations, insertion, has_plan)
    return snapshot_of(destination, entry, parts, unit.sealer)


async def remove(unit: Unit, destination: Destination) -> None:
    """Delete a destination with its subscriptions and with what other slices keep of it."""
    await unit.react("destination_deleted", destination.id)
    await delete_destination(unit.connection, unit.workspace_id, destination.id)
    unit.bury(SnapshotKind.DESTINATION, destination.id, destination.version + 1)
    entry = await find_entry(unit, destination.metadata_id)
    await unit.audit("Integration Deleted", "DESTINATION", destination.id, title_of(destination, entry))


async def remove_destinations_of(unit: Unit, source_id: str) -> None:
    """What happens here when a source is deleted."""
    for destination in await select_destinations_of(unit.connection, unit.workspace_id, source_id):
        await remove(unit, destination)


async def touch_destinations_with(unit: Unit, metadata_id: str) -> None:
    """What happens here when a function changes: the destinations that it is tell of themselves anew."""
    for destination in await select_destinations_with(unit.connection, unit.workspace_id, metadata_id):
        await touch(unit, destination)


def title_of(destination: Destination, entry: DestinationEntry | None) -> str:
    """What it is called where something must be: its name, else its entry's."""
    return destination.name or (entry.name if entry else destination.metadata_id)


async def views_of(unit: Unit, destinations: Sequence[Destination]) -> list[schemas.SeedDestination]:
    entries = await entries_of(unit, destinations)
    return [view_of(each, entries[each.metadata_id]) for each in destinations]


def view_of(destination: Destination, entry: DestinationEntry) -> schemas.SeedDestination:
    named = {"name": destination.name} if destination.name else {}
    return schemas.SeedDestination(
        **named,
        id=destination.id,
        enabled=destination.enabled,
        metadata=entry.metadata,
        source_id=destination.source_id,
        settings=masked(StoredSettings(destination.settings, destination.sealed_secrets)),
        labels=[],
    )


def subscription_view(row: Subscription) -> schemas.Subscription:
    values: dict[str, Any] = {"model_id": row.model_id} if row.model_id else {}
    if row.schedule:
        values["reverse_etl_schedule"] = msgspec.json.decode(row.schedule)
    return schemas.Subscription(
        id=row.id,
        name=row.name,
        action_id=row.action,
        action_slug=row.action,
        destination_id=row.destination_id,
        enabled=row.enabled,
        settings=msgspec.json.decode(row.settings),
        trigger=row.trigger,
        **values,
    )
