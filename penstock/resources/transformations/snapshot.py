"""What the data plane is told of transformations: in the snapshot of a source those for all that it is connected to, in
that of a destination those for its type. The enabled ones alone, the oldest first.
"""

from collections.abc import Sequence

import msgspec
from sqlalchemy.ext.asyncio import AsyncConnection

from penstock.api.unit import Unit
from penstock.infra.secrets import Sealer
from penstock.resources.destinations import find_destination, select_destinations_of
from penstock.resources.destinations import touch as touch_destination
from penstock.resources.sources import require_source
from penstock.resources.sources import touch as touch_source
from penstock.resources.transformations.admission import require_fit, require_levels
from penstock.resources.transformations.repository import (
    Transformation,
    select_all_transformations,
    select_transformations_of,
)
from penstock.resources.transformations.schemas import AskedTransformation, Operations
from penstock.resources.transformations.service import stored
from penstock.spec.snapshot import HashSnapshot, TransformationSnapshot

Scope = tuple[str, str]
"""Source, and type of destinations; an empty type means all that the source is connected to."""


def scope_of(row: Transformation) -> Scope:
    return row.source_id, row.destination_metadata_id or ""


def snapshot_of(row: Transformation) -> TransformationSnapshot:
    return _snapshot(row.id, row.condition, row.operations, row.sealed_hash_key)


def _snapshot(identifier: str, condition: str, operations: str, sealed_hash_key: bytes) -> TransformationSnapshot:
    """From operations as they are stored."""
    found = Operations.model_validate(msgspec.json.decode(operations))
    wanted = found.hash_properties_configuration
    return TransformationSnapshot(
        id=identifier,
        condition=condition,
        drop=found.drop,
        new_event_name=found.new_event_name,
        renames=[(each.old_name, each.new_name) for each in found.property_renames],
        values=[
            (path, each.property_value) for each in found.property_value_transformations for path in each.property_paths
        ],
        expressions=[(each.property_name, each.fql) for each in found.fql_defined_properties],
        allowed=found.allow_properties or None,
        hashed=None
        if wanted is None
        else HashSnapshot(wanted.algorithm, wanted.paths, wanted.encoding, sealed_hash_key),
    )


def snapshot_of_asked(asked: AskedTransformation, identifier: str, sealer: Sealer) -> TransformationSnapshot:
    """As the data plane would be told of it. Raises InputInvalid where it could not act."""
    require_fit(asked.condition, asked)
    require_levels(asked)
    kept = stored(asked, sealer)
    return _snapshot(identifier, asked.condition, kept["operations"], kept["sealed_hash_key"])


async def publish(unit: Unit, *scopes: Scope) -> None:
    """Tell the data plane of everything in whose snapshot the transformations of these scopes stand."""
    for source_id, metadata_id in dict.fromkeys(scopes):
        if not metadata_id:
            await touch_source(unit, await require_source(unit.connection, unit.workspace_id, source_id))
            continue
        for destination in await select_destinations_of(unit.connection, unit.workspace_id, source_id):
            if destination.metadata_id == metadata_id:
                await touch_destination(unit, destination)


async def select_for_source(
    connection: AsyncConnection, workspace_id: str, source_id: str
) -> list[TransformationSnapshot]:
    return _of_scope(await select_transformations_of(connection, workspace_id, source_id), (source_id, ""))


async def select_for_destination(
    connection: AsyncConnection, workspace_id: str, destination_id: str
) -> list[TransformationSnapshot]:
    destination = await find_destination(connection, workspace_id, destination_id)
    if destination is None:
        return []
    rows = await select_transformations_of(connection, workspace_id, destination.source_id)
    return _of_scope(rows, (destination.source_id, destination.metadata_id))


def _of_scope(rows: Sequence[Transformation], scope: Scope) -> list[TransformationSnapshot]:
    return [snapshot_of(row) for row in rows if row.enabled and scope_of(row) == scope]


async def select_all(connection: AsyncConnection) -> dict[Scope, list[TransformationSnapshot]]:
    """Of all workspaces, by scope."""
    found: dict[Scope, list[TransformationSnapshot]] = {}
    for row in await select_all_transformations(connection):
        if row.enabled:
            found.setdefault(scope_of(row), []).append(snapshot_of(row))
    return found
