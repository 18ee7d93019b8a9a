"""What the data plane is told of a destination: its subscriptions stand in its snapshot."""

from collections.abc import Iterable, Sequence

import msgspec
from sqlalchemy.ext.asyncio import AsyncConnection

from penstock.api.connection_settings import Options, StoredSettings, sealed_whole
from penstock.api.schema import JsonObject
from penstock.infra.secrets import Sealer
from penstock.resources.catalog import DestinationEntry, destination_entry
from penstock.resources.destinations.repository import (
    Destination,
    Subscription,
    select_all_destinations,
    select_all_subscriptions,
)
from penstock.spec.snapshot import DestinationSnapshot, Snapshot, SnapshotKind, SubscriptionSnapshot


def snapshot_of(destination: Destination, subscriptions: Sequence[Subscription], sealer: Sealer) -> DestinationSnapshot:
    entry = destination_entry(destination.metadata_id)
    stored = StoredSettings(destination.settings, destination.sealed_secrets)
    return DestinationSnapshot(
        id=destination.id,
        workspace_id=destination.workspace_id,
        version=destination.version,
        source_id=destination.source_id,
        metadata_id=destination.metadata_id,
        name=destination.name or (entry.name if entry else ""),
        integration_names=list(entry.integration_names) if entry else [],
        supported_types=list(entry.supported_types) if entry else [],
        enabled=destination.enabled,
        created_at=destination.created_at,
        enabled_at=destination.enabled_at,
        sealed_settings=sealed_whole(stored, entry.options if entry else Options({}), sealer),
        subscriptions=[_subscription(each, entry) for each in subscriptions],
    )


def _subscription(row: Subscription, entry: DestinationEntry | None) -> SubscriptionSnapshot:
    hidden = entry.hidden_defaults.get(row.action, {}) if entry else {}
    return SubscriptionSnapshot(
        id=row.id,
        name=row.name,
        action=row.action,
        trigger=row.trigger,
        mapping=_with_hidden(row.settings.encode(), hidden),
        enabled=row.enabled,
        takes_batches=entry is not None and row.action in entry.batch_actions,
    )


def _with_hidden(mapping: bytes, hidden: JsonObject) -> bytes:
    """With the fields that the action needs and no catalogue lists; who made the mapping could not know of them."""
    if not hidden:
        return mapping
    return msgspec.json.encode({**hidden, **msgspec.json.decode(mapping)})


async def select_snapshots(connection: AsyncConnection, sealer: Sealer) -> Iterable[tuple[SnapshotKind, Snapshot]]:
    found = await select_all_subscriptions(connection)
    return [
        (SnapshotKind.DESTINATION, snapshot_of(each, found.get(each.id, []), sealer))
        for each in await select_all_destinations(connection)
    ]
