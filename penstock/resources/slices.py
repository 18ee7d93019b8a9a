"""All slices: what the API serves, what reacts to what, and what is published, gathered from their front doors."""

from collections.abc import Iterable

from sqlalchemy.ext.asyncio import AsyncConnection

from penstock.api.retention import Kept
from penstock.api.scope import IsWithin, Scopes
from penstock.api.unit import Contribution, Contributions, Reaction, Reactions
from penstock.infra.secrets import Sealer
from penstock.resources import (
    api_calls,
    api_tokens,
    audit_trail,
    catalog,
    delivery_overview,
    destination_filters,
    destinations,
    events,
    functions,
    iam_groups,
    iam_roles,
    iam_users,
    labels,
    monthly_tracked_users,
    quarantine,
    regulations,
    schema,
    selective_sync,
    sources,
    testing,
    tracking_plans,
    transformations,
    usage,
    violations,
    warehouse_syncs,
    warehouses,
    what_if,
    workspaces,
)
from penstock.spec.snapshot import Snapshot, SnapshotKind

SLICES = (
    workspaces,
    labels,
    iam_roles,
    iam_users,
    iam_groups,
    api_tokens,
    audit_trail,
    sources,
    tracking_plans,
    violations,
    schema,
    transformations,
    destinations,
    destination_filters,
    warehouses,
    warehouse_syncs,
    selective_sync,
    functions,
    regulations,
    quarantine,
    what_if,
    catalog,
    usage,
    delivery_overview,
    events,
    api_calls,
    monthly_tracked_users,
    testing,
)
OPERATIONS = tuple(operation for slice_ in SLICES for operation in slice_.OPERATIONS)


def reactions() -> Reactions:
    """By happening, in the order of the slices."""
    found: dict[str, tuple[Reaction, ...]] = {}
    for slice_ in SLICES:
        for happening, reaction in getattr(slice_, "REACTIONS", {}).items():
            found[happening] = (*found.get(happening, ()), reaction)
    return found


def contributions() -> Contributions:
    """By the name of the part, which has one author."""
    found: dict[str, Contribution] = {}
    for slice_ in SLICES:
        found |= getattr(slice_, "CONTRIBUTIONS", {})
    return found


def scopes() -> Scopes:
    """By what is named."""
    found: dict[str, IsWithin] = {}
    for slice_ in SLICES:
        found |= getattr(slice_, "SCOPES", {})
    return found


def kept() -> tuple[Kept, ...]:
    """What is forgotten with time, of all slices."""
    return tuple(each for slice_ in SLICES for each in getattr(slice_, "KEPT", ()))


async def select_snapshots(connection: AsyncConnection, sealer: Sealer) -> Iterable[tuple[SnapshotKind, Snapshot]]:
    """Everything that the data plane should know, from the rows."""
    filters = await destination_filters.select_all_filter_snapshots(connection)
    choices = await selective_sync.select_all_choices(connection)
    changes = await transformations.select_all(connection)
    plan_ids = await tracking_plans.select_all_plan_ids(connection)
    own_entries = await functions.select_all_entries(connection)
    insertions = await functions.select_all_insertions(connection)
    of_sources = {source_id: found for (source_id, metadata_id), found in changes.items() if not metadata_id}
    return [
        *await regulations.select_snapshots(connection),
        *await tracking_plans.select_snapshots(connection),
        *await functions.select_snapshots(connection),
        *await functions.select_laps(connection, sealer),
        *await sources.select_snapshots(connection, plan_ids, of_sources),
        *await destinations.select_snapshots(connection, sealer, filters, changes, own_entries, insertions, plan_ids),
        *await warehouses.select_snapshots(connection, sealer, choices),
    ]
