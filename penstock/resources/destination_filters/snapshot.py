"""What the data plane is told of filters: they stand in the snapshot of their destination, the enabled ones alone."""

from collections.abc import Iterable

import msgspec
from sqlalchemy.ext.asyncio import AsyncConnection

from penstock.resources.destination_filters.repository import DestinationFilter, select_all_filters, select_filters
from penstock.spec.snapshot import DestinationFilterSnapshot, FilterActionSnapshot


class _StoredAction(msgspec.Struct):
    type: str
    fields: dict[str, list[str]] = {}
    percent: float = 0.0
    path: str = ""


_actions = msgspec.json.Decoder(list[_StoredAction])


def snapshots_of(filters: Iterable[DestinationFilter]) -> list[DestinationFilterSnapshot]:
    return [snapshot_of(each.id, each.condition, each.actions) for each in filters if each.enabled]


def snapshot_of(filter_id: str, condition: str, actions: str) -> DestinationFilterSnapshot:
    """From actions as they are stored."""
    decoded = [
        FilterActionSnapshot(each.type, each.fields, each.percent, each.path) for each in _actions.decode(actions)
    ]
    return DestinationFilterSnapshot(filter_id, condition, decoded)


async def select_filter_snapshots(
    connection: AsyncConnection, workspace_id: str, destination_id: str
) -> list[DestinationFilterSnapshot]:
    return snapshots_of(await select_filters(connection, workspace_id, destination_id))


async def select_all_filter_snapshots(connection: AsyncConnection) -> dict[str, list[DestinationFilterSnapshot]]:
    """Of all workspaces, by destination."""
    found = await select_all_filters(connection)
    return {destination_id: snapshots_of(filters) for destination_id, filters in found.items()}
