"""What the data plane is told of a warehouse, with what the slice of selective syncs adds to it."""

from collections.abc import Iterable, Mapping, Sequence

import msgspec
from sqlalchemy.ext.asyncio import AsyncConnection

from penstock.api.connection_settings import Options, StoredSettings, sealed_whole
from penstock.infra.secrets import Sealer
from penstock.resources.catalog import warehouse_metadata
from penstock.resources.warehouses.repository import Warehouse, select_all_exclusions, select_all_warehouses
from penstock.spec.snapshot import ScheduleSnapshot, SelectionSnapshot, Snapshot, SnapshotKind, WarehouseSnapshot


class Choices(msgspec.Struct, frozen=True):
    """What is loaded, and when; all, and at the interval, where nothing is said."""

    selections: Sequence[SelectionSnapshot] = ()
    schedule: Sequence[ScheduleSnapshot] = ()
    """One at most."""


def snapshot_of(warehouse: Warehouse, excluded: Sequence[str], choices: Choices, sealer: Sealer) -> WarehouseSnapshot:
    return WarehouseSnapshot(
        id=warehouse.id,
        workspace_id=warehouse.workspace_id,
        version=warehouse.version,
        slug=warehouse_metadata(warehouse.metadata_id).slug,
        name=warehouse.name,
        enabled=warehouse.enabled,
        created_at=warehouse.created_at,
        sealed_settings=sealed_settings(warehouse, sealer),
        excluded=sorted(excluded),
        selections=list(choices.selections),
        schedule=next(iter(choices.schedule), None),
    )


def sealed_settings(stored: Warehouse | StoredSettings, sealer: Sealer) -> bytes:
    """As the role that connects opens them."""
    return sealed_whole(StoredSettings(stored.settings, stored.sealed_secrets), Options({}), sealer)


async def select_snapshots(
    connection: AsyncConnection, sealer: Sealer, choices: Mapping[str, Choices]
) -> Iterable[tuple[SnapshotKind, Snapshot]]:
    """Of all workspaces, with the choices by warehouse."""
    excluded = await select_all_exclusions(connection)
    return [
        (
            SnapshotKind.WAREHOUSE,
            snapshot_of(each, excluded.get(each.id, []), choices.get(each.id, Choices()), sealer),
        )
        for each in await select_all_warehouses(connection)
    ]
