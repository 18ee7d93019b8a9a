"""Rules that the operations on destinations and on subscriptions share."""

from collections.abc import Sequence
from typing import Any

import msgspec

from penstock.api.connection_settings import StoredSettings, masked
from penstock.api.errors import BadRequest, InputInvalid
from penstock.api.unit import Unit
from penstock.kit.ids import resource_id
from penstock.resources.catalog import DestinationEntry, PresetEntry, destination_entry, destination_metadata
from penstock.resources.destinations import schemas
from penstock.resources.destinations.repository import (
    Destination,
    Subscription,
    delete_destination,
    insert_subscriptions,
    select_destinations_of,
    select_subscriptions,
    update_destination,
)
from penstock.resources.destinations.snapshot import snapshot_of
from penstock.resources.destinations.trigger import TriggerError, check_trigger
from penstock.spec.snapshot import SnapshotKind

MAPPING_LIMIT = 50


def require_entry(metadata_id: str) -> DestinationEntry:
    """Raises InputInvalid naming the field."""
    if (entry := destination_entry(metadata_id)) is None:
        raise InputInvalid(f'"metadataId" {metadata_id} is not in the catalog of destinations', field="metadataId")
    return entry


def require_action(metadata_id: str, action: str) -> None:
    """Raises InputInvalid naming the field."""
    if action not in require_entry(metadata_id).actions:
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
    """Write the destination with its next version, and tell the data plane of it and of its subscriptions."""
    changed = msgspec.structs.replace(destination, version=destination.version + 1)
    await update_destination(unit.connection, changed)
    await publish(unit, changed)
    return changed


async def publish(unit: Unit, destination: Destination) -> None:
    found = await select_subscriptions(unit.connection, unit.workspace_id, destination.id)
    unit.publish(SnapshotKind.DESTINATION, snapshot_of(destination, found, unit.sealer))


async def remove(unit: Unit, destination: Destination) -> None:
    """Delete a destination with its subscriptions."""
    await delete_destination(unit.connection, unit.workspace_id, destination.id)
    unit.bury(SnapshotKind.DESTINATION, destination.id, destination.version + 1)
    await unit.audit("Integration Deleted", "DESTINATION", destination.id, title_of(destination))


async def remove_destinations_of(unit: Unit, source_id: str) -> None:
    """What happens here when a source is deleted."""
    for destination in await select_destinations_of(unit.connection, unit.workspace_id, source_id):
        await remove(unit, destination)


def title_of(destination: Destination) -> str:
    """What it is called where something must be: its name, else its entry's."""
    entry = destination_entry(destination.metadata_id)
    return destination.name or (entry.name if entry else destination.metadata_id)


def view_of(destination: Destination) -> schemas.SeedDestination:
    named = {"name": destination.name} if destination.name else {}
    return schemas.SeedDestination(
        **named,
        id=destination.id,
        enabled=destination.enabled,
        metadata=destination_metadata(destination.metadata_id),
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
