"""What the data plane is told of functions, and what a function is to those who use it like an entry of the catalog.

What runs is the version that was deployed; of a function that never was, the newest.
"""

from collections.abc import Iterable, Mapping

from sqlalchemy.ext.asyncio import AsyncConnection

from penstock.api.unit import Unit
from penstock.resources.catalog import DestinationEntry, function_entry
from penstock.resources.functions.instance_rows import Instance, get_instance_of, select_all_instances
from penstock.resources.functions.repository import (
    Function,
    Version,
    find_by_metadata_id,
    find_version,
    select_all_functions,
    select_deployed_versions,
)
from penstock.resources.functions.settings import declared_in, options_of
from penstock.resources.workspaces import select_workspace_names, workspace_name
from penstock.spec.snapshot import FunctionSnapshot, InsertionSnapshot, Snapshot, SnapshotKind

_BATCH_HANDLER = "onBatch"


async def publish(unit: Unit, function: Function) -> None:
    """Tell of the function, and let those who use it tell of themselves anew."""
    running = await find_version(unit.connection, function, function.deployed_id)
    unit.publish(SnapshotKind.FUNCTION, _snapshot_of(function, running))
    await unit.react("function_changed", function.catalog_id)


def _snapshot_of(function: Function, running: Version | None) -> FunctionSnapshot:
    options = options_of(declared_in(running.settings if running else function.settings))
    return FunctionSnapshot(
        id=function.id,
        workspace_id=function.workspace_id,
        version=function.version,
        name=function.title,
        kind=function.resource_type,
        code=running.code if running else function.code,
        required=options.required,
        sensitive=tuple(sorted(options.sensitive)),
        deployed_at=function.deployed_at or 0,
    )


async def select_snapshots(connection: AsyncConnection) -> Iterable[tuple[SnapshotKind, Snapshot]]:
    deployed = await select_deployed_versions(connection)
    functions = await select_all_functions(connection)
    return [(SnapshotKind.FUNCTION, _snapshot_of(each, deployed.get(each.deployed_id))) for each in functions]


async def select_entry(connection: AsyncConnection, workspace_id: str, metadata_id: str) -> list[DestinationEntry]:
    """What a destination function is to destinations: one entry, or none."""
    function = await find_by_metadata_id(connection, workspace_id, metadata_id)
    if function is None or function.resource_type != "DESTINATION":
        return []
    running = await find_version(connection, function, function.deployed_id)
    return [_entry(function, running, await workspace_name(connection, workspace_id))]


async def select_all_entries(connection: AsyncConnection) -> Mapping[str, DestinationEntry]:
    """Of all workspaces, by metadata id."""
    deployed, names = await select_deployed_versions(connection), await select_workspace_names(connection)
    return {
        each.catalog_id: _entry(each, deployed.get(each.deployed_id), names.get(each.workspace_id, ""))
        for each in await select_all_functions(connection)
        if each.resource_type == "DESTINATION"
    }


def _entry(function: Function, running: Version | None, workspace: str) -> DestinationEntry:
    declared = declared_in(running.settings if running else function.settings)
    return function_entry(
        metadata_id=function.catalog_id,
        function_id=function.id,
        name=f"{function.title} ({workspace})",
        description=function.description or "",
        logo=function.logo_url or "",
        options=options_of(declared),
        labels={each.name: each.label for each in declared},
        takes_batches=_BATCH_HANDLER in (running.code if running else function.code),
    )


async def select_insertion(
    connection: AsyncConnection, workspace_id: str, destination_id: str
) -> list[InsertionSnapshot]:
    """What is inserted before a destination, where it is enabled: one, or nothing."""
    found = await get_instance_of(connection, workspace_id, destination_id)
    return [_insertion(found)] if found is not None and found.enabled else []


async def select_all_insertions(connection: AsyncConnection) -> Mapping[str, InsertionSnapshot]:
    """Of all workspaces, by destination."""
    return {each.integration_id: _insertion(each) for each in await select_all_instances(connection)}


def _insertion(instance: Instance) -> InsertionSnapshot:
    return InsertionSnapshot(instance.function_id, instance.settings.encode(), instance.sealed_secrets)
