"""Rules of warehouses that operations, the first run and other slices' happenings share."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from penstock.api.connection_settings import Options, StoredSettings, masked, merge
from penstock.api.errors import BadRequest, InputInvalid
from penstock.api.schema import JsonObject
from penstock.api.unit import Unit
from penstock.catalog.warehouses.files import embedded_file
from penstock.kit.ids import resource_id
from penstock.resources.catalog import embedded_warehouse, has_warehouse_metadata, warehouse_metadata
from penstock.resources.sources import select_ids_of_workspace
from penstock.resources.warehouses import schemas
from penstock.resources.warehouses.repository import (
    Warehouse,
    delete_exclusions_of,
    insert_exclusions,
    insert_left,
    insert_warehouse,
    select_exclusions,
    select_settings_of_kind,
    select_workspace_warehouses,
    update_warehouse,
)
from penstock.resources.warehouses.snapshot import Choices, snapshot_of
from penstock.spec.snapshot import SnapshotKind

SETTINGS_LIMIT = 100
"""Keys of one warehouse's settings: those that the catalog does not name are kept too."""
_NAME = "name"
_FILE = "settings.file"
_NAME_LIMIT = 255


def require_metadata(metadata_id: str) -> None:
    """Raises InputInvalid naming the field."""
    if not has_warehouse_metadata(metadata_id):
        raise InputInvalid(f'"metadataId" {metadata_id} is not in the catalog of warehouses', field="metadataId")


async def add_warehouse(
    unit: Unit,
    metadata_id: str,
    name: str,
    settings: JsonObject,
    *,
    enabled: bool = True,
    is_connected: bool = True,
) -> Warehouse:
    """Make a warehouse, connected to every source that there is (or to none of them), and to every one to come."""
    stored = merged(unit, StoredSettings(), metadata_id, settings)
    warehouse = Warehouse(
        id=resource_id(),
        workspace_id=unit.workspace_id,
        version=1,
        metadata_id=metadata_id,
        name=name,
        enabled=enabled,
        settings=stored.settings,
        sealed_secrets=stored.sealed_secrets,
        created_at=unit.now,
    )
    await require_own_file(unit, warehouse)
    await insert_warehouse(unit.connection, warehouse)
    excluded: Sequence[str] = []
    if not is_connected:
        excluded = await select_ids_of_workspace(unit.connection, unit.workspace_id)
        await insert_exclusions(unit.connection, [warehouse], excluded)
    unit.publish(SnapshotKind.WAREHOUSE, snapshot_of(warehouse, excluded, Choices(), unit.sealer))
    return warehouse


def merged(unit: Unit, stored: StoredSettings, metadata_id: str, sent: Mapping[str, Any]) -> StoredSettings:
    """`sent` without the name, laid over `stored`. Raises BadRequest."""
    types = {option.name: option.type for option in warehouse_metadata(metadata_id).options}
    own = {key: value for key, value in sent.items() if key != _NAME}
    found = merge(stored, own, Options(types, keeps_unknown=True), unit.sealer)
    if len(msgspec.json.decode(found.settings)) > SETTINGS_LIMIT:
        raise BadRequest(f"the settings of a warehouse have at most {SETTINGS_LIMIT} keys", field="settings")
    return found


async def require_own_file(unit: Unit, warehouse: Warehouse) -> None:
    """An embedded warehouse has a file of its own in the installation, whoever's the other is. Raises BadRequest."""
    if warehouse.metadata_id != embedded_warehouse().id:
        return
    try:
        file = embedded_file(msgspec.json.decode(warehouse.settings))
    except ValueError as error:
        raise BadRequest(str(error), field=_FILE) from error
    others = await select_settings_of_kind(unit.connection, warehouse.metadata_id, warehouse.id)
    if any(_names(file, msgspec.json.decode(each)) for each in others):
        message = f"the file {file} is another warehouse's: name one of its own in `settings.file`, penstock….duckdb"
        raise BadRequest(message, field=_FILE)


async def leave_file(unit: Unit, warehouse: Warehouse) -> None:
    """The file of an embedded warehouse stays when it is let go: deletions reach it for as long as it is there."""
    if warehouse.metadata_id == embedded_warehouse().id:
        await insert_left(unit.connection, warehouse, title_of(warehouse), unit.now)


def _names(file: str, settings: Mapping[str, Any]) -> bool:
    try:
        return embedded_file(settings) == file
    except ValueError:  # kept by an older release, and never opened
        return False


def name_in(body: Mapping[str, Any], present: str = "") -> str:
    """What a request makes of the name: the one beside the settings wins over the one in them; null removes it."""
    settings = body.get("settings", {})
    name = body[_NAME] if _NAME in body else settings.get(_NAME, present)
    if name is not None and (not isinstance(name, str) or len(name) > _NAME_LIMIT):
        raise InputInvalid(f'"settings.name" must be a text of at most {_NAME_LIMIT} characters', field="settings.name")
    return name or ""


async def touch(unit: Unit, warehouse: Warehouse) -> Warehouse:
    """Write the warehouse with its next version, and tell the data plane of it and of all that belongs to it."""
    excluded = await select_exclusions(unit.connection, unit.workspace_id, warehouse.id)
    return await _publish(unit, warehouse, excluded.get(warehouse.id, []))


async def exclude_source(unit: Unit, source_id: str) -> None:
    """A source was made without connections: no warehouse loads it."""
    found = await select_workspace_warehouses(unit.connection, unit.workspace_id)
    await insert_exclusions(unit.connection, found, [source_id])
    await _publish_all(unit, found)


async def forget_source(unit: Unit, source_id: str) -> None:
    """A source was deleted: no list needs to name it any more."""
    if await delete_exclusions_of(unit.connection, unit.workspace_id, source_id):
        await _publish_all(unit, await select_workspace_warehouses(unit.connection, unit.workspace_id))


async def _publish_all(unit: Unit, warehouses: list[Warehouse]) -> None:
    excluded = await select_exclusions(unit.connection, unit.workspace_id)
    for warehouse in warehouses:
        await _publish(unit, warehouse, excluded.get(warehouse.id, []))


async def _publish(unit: Unit, warehouse: Warehouse, excluded: Sequence[str]) -> Warehouse:
    changed = msgspec.structs.replace(warehouse, version=warehouse.version + 1)
    await update_warehouse(unit.connection, changed)
    choices = Choices(
        await unit.contributed("warehouse_selections", warehouse.id),
        await unit.contributed("warehouse_schedule", warehouse.id),
    )
    unit.publish(SnapshotKind.WAREHOUSE, snapshot_of(changed, excluded, choices, unit.sealer))
    return changed


def title_of(warehouse: Warehouse) -> str:
    """What it is called where something must be: its name, else its entry's."""
    return warehouse.name or warehouse_metadata(warehouse.metadata_id).name


def view_of(warehouse: Warehouse) -> schemas.Warehouse:
    """The name stands inside the settings on read."""
    settings = masked(StoredSettings(warehouse.settings, warehouse.sealed_secrets))
    return schemas.Warehouse(
        id=warehouse.id,
        metadata=warehouse_metadata(warehouse.metadata_id),
        workspace_id=warehouse.workspace_id,
        enabled=warehouse.enabled,
        settings=settings | ({_NAME: warehouse.name} if warehouse.name else {}),
    )
