"""Rules of warehouses that operations, the first run and other slices' happenings share."""

import msgspec

from penstock.api.connection_settings import Options, StoredSettings, masked, merge
from penstock.api.schema import JsonObject
from penstock.api.unit import Unit
from penstock.kit.ids import resource_id
from penstock.resources.catalog import warehouse_metadata
from penstock.resources.warehouses import schemas
from penstock.resources.warehouses.repository import (
    Warehouse,
    delete_exclusions_of,
    insert_exclusion,
    insert_warehouse,
    select_exclusions,
    select_workspace_warehouses,
    update_warehouse,
)
from penstock.resources.warehouses.snapshot import snapshot_of
from penstock.spec.snapshot import SnapshotKind


async def add_warehouse(unit: Unit, metadata_id: str, name: str, settings: JsonObject) -> Warehouse:
    """Make a warehouse, connected to every source that there is and will be."""
    options = Options({option.name: option.type for option in warehouse_metadata(metadata_id).options})
    stored = merge(StoredSettings(), settings, options, unit.sealer)
    warehouse = Warehouse(
        id=resource_id(),
        workspace_id=unit.workspace_id,
        version=1,
        metadata_id=metadata_id,
        name=name,
        enabled=True,
        settings=stored.settings,
        sealed_secrets=stored.sealed_secrets,
        created_at=unit.now,
    )
    await insert_warehouse(unit.connection, warehouse)
    unit.publish(SnapshotKind.WAREHOUSE, snapshot_of(warehouse, [], unit.sealer))
    return warehouse


async def exclude_source(unit: Unit, source_id: str) -> None:
    """A source was made without connections: no warehouse loads it."""
    found = await select_workspace_warehouses(unit.connection, unit.workspace_id)
    for warehouse in found:
        await insert_exclusion(unit.connection, warehouse, source_id)
    await _publish_all(unit, found)


async def forget_source(unit: Unit, source_id: str) -> None:
    """A source was deleted: no list needs to name it any more."""
    if await delete_exclusions_of(unit.connection, unit.workspace_id, source_id):
        await _publish_all(unit, await select_workspace_warehouses(unit.connection, unit.workspace_id))


async def _publish_all(unit: Unit, warehouses: list[Warehouse]) -> None:
    excluded = await select_exclusions(unit.connection, unit.workspace_id)
    for warehouse in warehouses:
        changed = msgspec.structs.replace(warehouse, version=warehouse.version + 1)
        await update_warehouse(unit.connection, changed)
        unit.publish(SnapshotKind.WAREHOUSE, snapshot_of(changed, excluded.get(warehouse.id, []), unit.sealer))


def view_of(warehouse: Warehouse) -> schemas.Warehouse:
    """The name stands inside the settings on read."""
    settings = masked(StoredSettings(warehouse.settings, warehouse.sealed_secrets))
    return schemas.Warehouse(
        id=warehouse.id,
        metadata=warehouse_metadata(warehouse.metadata_id),
        workspace_id=warehouse.workspace_id,
        enabled=warehouse.enabled,
        settings=settings | {"name": warehouse.name},
    )
