"""What the data plane is told of a destination: its subscriptions and its filters stand in its snapshot."""

from collections.abc import Container, Iterable, Mapping, Sequence

import msgspec
from sqlalchemy.ext.asyncio import AsyncConnection

from penstock.api.connection_settings import Options, StoredSettings, sealed_whole
from penstock.api.schema import JsonObject
from penstock.infra.secrets import Sealer
from penstock.resources.catalog import FUNCTION_ACTION, DestinationEntry, destination_entry
from penstock.resources.destinations.repository import (
    Destination,
    Subscription,
    select_all_destinations,
    select_all_subscriptions,
)
from penstock.spec.snapshot import (
    DestinationFilterSnapshot,
    DestinationSnapshot,
    InsertionSnapshot,
    Snapshot,
    SnapshotKind,
    SubscriptionSnapshot,
    TransformationSnapshot,
)

_BLOCKED = list[tuple[str, str]]
_EVERY_EVENT = 'type != "nothing"'
_FUNCTION_BATCH = b'{"enable_batching":true,"batch_size":20}'


class Parts(msgspec.Struct, frozen=True):
    """What belongs to a destination, from this slice and from others."""

    subscriptions: Sequence[Subscription] = ()
    filters: Sequence[DestinationFilterSnapshot] = ()
    transformations: Sequence[TransformationSnapshot] = ()
    insertion: InsertionSnapshot | None = None
    has_plan: bool = False
    """Whether its source has a tracking plan: then events are not filtered by name."""


def snapshot_of(
    destination: Destination, entry: DestinationEntry | None, parts: Parts, sealer: Sealer
) -> DestinationSnapshot:
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
        subscriptions=_subscriptions(parts.subscriptions, entry),
        filters=list(parts.filters),
        transformations=list(parts.transformations),
        function_id=entry.function_id if entry else "",
        insertion=parts.insertion,
        consent_categories=msgspec.json.decode(destination.consent_categories),
        blocked_events=[] if parts.has_plan else msgspec.json.decode(destination.blocked_events, type=_BLOCKED),
    )


def _subscriptions(rows: Iterable[Subscription], entry: DestinationEntry | None) -> list[SubscriptionSnapshot]:
    if entry is not None and entry.function_id:
        return [_function(entry)]
    return [_subscription(row, entry) for row in rows]


def _function(entry: DestinationEntry) -> SubscriptionSnapshot:
    """A function takes every event: nobody maps it, and its code decides."""
    takes_batches = FUNCTION_ACTION in entry.batch_actions
    return SubscriptionSnapshot(
        id=FUNCTION_ACTION,
        name=entry.name,
        action=FUNCTION_ACTION,
        trigger=_EVERY_EVENT,
        mapping=_FUNCTION_BATCH if takes_batches else b"{}",
        enabled=True,
        takes_batches=takes_batches,
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


async def select_snapshots(
    connection: AsyncConnection,
    sealer: Sealer,
    filters: Mapping[str, Sequence[DestinationFilterSnapshot]],
    transformations: Mapping[tuple[str, str], Sequence[TransformationSnapshot]],
    functions: Mapping[str, DestinationEntry],
    insertions: Mapping[str, InsertionSnapshot],
    planned: Container[str],
) -> Iterable[tuple[SnapshotKind, Snapshot]]:
    """`filters` are those of all destinations, by id; `transformations` those of all sources, by source and type.

    `functions` are entries by metadata id, `insertions` by destination, `planned` sources with a tracking plan.
    """
    found = await select_all_subscriptions(connection)
    snapshots = [
        snapshot_of(
            each,
            destination_entry(each.metadata_id) or functions.get(each.metadata_id),
            Parts(
                found.get(each.id, ()),
                filters.get(each.id, ()),
                transformations.get((each.source_id, each.metadata_id), ()),
                insertions.get(each.id),
                each.source_id in planned,
            ),
            sealer,
        )
        for each in await select_all_destinations(connection)
    ]
    return [(SnapshotKind.DESTINATION, snapshot) for snapshot in snapshots]
