"""A function of a source, as the data plane is told of it: like a destination that gives back what it makes."""

import secrets

import msgspec
from sqlalchemy.ext.asyncio import AsyncConnection

from penstock.api.connection_settings import Options, StoredSettings, merge, sealed_whole
from penstock.api.unit import Unit
from penstock.infra.secrets import Sealer
from penstock.resources.functions.instance_rows import (
    Instance,
    delete_instance,
    get_instance_of,
    insert_instance,
    select_all_instances,
)
from penstock.resources.functions.repository import find_by_metadata_id, running_settings
from penstock.resources.functions.settings import declared_in, options_of
from penstock.resources.sources import require_source
from penstock.spec.event import EventType
from penstock.spec.laps import INSERT_SOURCE, SOURCE
from penstock.spec.snapshot import DestinationSnapshot, SnapshotKind, SubscriptionSnapshot

_EVERYTHING = 'type != "nothing"'
_KINDS = {"sfnc_": SOURCE, "ifns_": INSERT_SOURCE}


def lap_of(instance: Instance) -> str:
    """Of which kind its function is; empty where it does not stand at a source."""
    return next((kind for prefix, kind in _KINDS.items() if instance.function_id.startswith(prefix)), "")


def publish_lap(unit: Unit, instance: Instance) -> None:
    """Tell of it as it is now; one that is disabled is as one that is gone."""
    if instance.enabled:
        unit.publish(SnapshotKind.DESTINATION, _snapshot_of(instance, unit.sealer))
    else:
        bury_lap(unit, instance)


def bury_lap(unit: Unit, instance: Instance) -> None:
    unit.bury(SnapshotKind.DESTINATION, instance.id, next_version(unit, instance))


def next_version(unit: Unit, instance: Instance) -> int:
    """The time, which never stands still between two changes."""
    return max(unit.now, instance.updated_at + 1)


def begun(before: Instance, after: Instance, now: int) -> Instance:
    """One that is enabled again counts as made now: what its function took before must not be read once more."""
    is_begun = after.enabled and not before.enabled and lap_of(after) != ""
    return msgspec.structs.replace(after, created_at=now) if is_begun else after


async def select_source_function(
    connection: AsyncConnection, workspace_id: str, metadata_id: str
) -> list[tuple[str, frozenset[str]]]:
    """The catalog id of the source function and the names of its sensitive settings; nothing where there is none."""
    function = await find_by_metadata_id(connection, workspace_id, metadata_id)
    if function is None or function.resource_type != SOURCE:
        return []
    options = options_of(declared_in(await running_settings(connection, function)))
    return [(function.catalog_id, options.sensitive)]


async def add_instance_of(unit: Unit, source_id: str) -> None:
    """What happens here when a source is made of a function. It runs at once where no setting is lacking."""
    source = await require_source(unit.connection, unit.workspace_id, source_id)
    function = await find_by_metadata_id(unit.connection, unit.workspace_id, source.metadata_id)
    if function is None:
        return
    options = options_of(declared_in(await running_settings(unit.connection, function)))
    stored = merge(StoredSettings(), msgspec.json.decode(source.settings), options, unit.sealer)
    added = Instance(
        id=secrets.token_hex(12),
        workspace_id=unit.workspace_id,
        function_id=function.id,
        integration_id=source.id,
        name=source.name or source.slug,
        enabled=not set(options.required) - msgspec.json.decode(stored.settings).keys(),
        settings=stored.settings,
        sealed_secrets=stored.sealed_secrets,
        created_at=unit.now,
        updated_at=unit.now,
    )
    await insert_instance(unit.connection, added)
    publish_lap(unit, added)


async def remove_instance_of(unit: Unit, integration_id: str) -> None:
    """What happens here when a destination or source is deleted."""
    found = await get_instance_of(unit.connection, unit.workspace_id, integration_id)
    if found is not None:
        await delete_instance(unit.connection, unit.workspace_id, found.id)
        if lap_of(found):
            bury_lap(unit, found)


async def select_laps(connection: AsyncConnection, sealer: Sealer) -> list[tuple[SnapshotKind, DestinationSnapshot]]:
    """Of all workspaces."""
    found = [each for each in await select_all_instances(connection) if lap_of(each)]
    return [(SnapshotKind.DESTINATION, _snapshot_of(each, sealer)) for each in found]


def _snapshot_of(instance: Instance, sealer: Sealer) -> DestinationSnapshot:
    stored = StoredSettings(instance.settings, instance.sealed_secrets)
    return DestinationSnapshot(
        id=instance.id,
        workspace_id=instance.workspace_id,
        version=instance.updated_at,
        source_id=instance.integration_id,
        metadata_id="",
        name=instance.name,
        integration_names=[],
        supported_types=list(EventType),
        enabled=instance.enabled,
        created_at=instance.created_at,
        enabled_at=instance.created_at,
        sealed_settings=sealed_whole(stored, Options({}), sealer),
        subscriptions=[_EVERY],
        function_id=instance.function_id,
        lap=lap_of(instance),
    )


_EVERY = SubscriptionSnapshot(
    id="function",
    name="function",
    action="function",
    trigger=_EVERYTHING,
    mapping=b"{}",
    enabled=True,
    takes_batches=False,
)
