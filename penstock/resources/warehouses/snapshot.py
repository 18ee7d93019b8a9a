"""What the data plane is told of a warehouse."""

from collections.abc import Iterable, Sequence

from sqlalchemy.ext.asyncio import AsyncConnection

from penstock.api.connection_settings import Options, StoredSettings, sealed_whole
from penstock.infra.secrets import Sealer
from penstock.resources.catalog import warehouse_metadata
from penstock.resources.warehouses.repository import Warehouse, select_all_warehouses, select_exclusions
from penstock.spec.snapshot import Snapshot, SnapshotKind, WarehouseSnapshot


def snapshot_of(warehouse: Warehouse, excluded: Sequence[str], sealer: Sealer) -> WarehouseSnapshot:
    return WarehouseSnapshot(
        id=warehouse.id,
        workspace_id=warehouse.workspace_id,
        version=warehouse.version,
        slug=warehouse_metadata(warehouse.metadata_id).slug,
        name=warehouse.name,
        enabled=warehouse.enabled,
        created_at=warehouse.created_at,
        sealed_settings=sealed_whole(StoredSettings(warehouse.settings, warehouse.sealed_secrets), Options({}), sealer),
        excluded=list(excluded),
    )


async def select_snapshots(connection: AsyncConnection, sealer: Sealer) -> Iterable[tuple[SnapshotKind, Snapshot]]:
    found = []
    for warehouse in await select_all_warehouses(connection):
        excluded = await select_exclusions(connection, warehouse.workspace_id)
        snapshot = snapshot_of(warehouse, excluded.get(warehouse.id, []), sealer)
        found.append((SnapshotKind.WAREHOUSE, snapshot))
    return found
