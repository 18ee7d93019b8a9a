"""All slices: what the API serves, what reacts to what, and what is published, gathered from their front doors."""

from collections.abc import Iterable

from sqlalchemy.ext.asyncio import AsyncConnection

from penstock.api.unit import Reaction, Reactions
from penstock.infra.secrets import Sealer
from penstock.resources import catalog, delivery_overview, destinations, sources, warehouses, workspaces
from penstock.spec.snapshot import Snapshot, SnapshotKind

SLICES = (workspaces, sources, destinations, warehouses, catalog, delivery_overview)
OPERATIONS = tuple(operation for slice_ in SLICES for operation in slice_.OPERATIONS)


def reactions() -> Reactions:
    """By happening, in the order of the slices."""
    found: dict[str, tuple[Reaction, ...]] = {}
    for slice_ in SLICES:
        for happening, reaction in getattr(slice_, "REACTIONS", {}).items():
            found[happening] = (*found.get(happening, ()), reaction)
    return found


async def select_snapshots(connection: AsyncConnection, sealer: Sealer) -> Iterable[tuple[SnapshotKind, Snapshot]]:
    """Everything that the data plane should know, from the rows."""
    return [
        *await sources.select_snapshots(connection),
        *await destinations.select_snapshots(connection, sealer),
        *await warehouses.select_snapshots(connection, sealer),
    ]
