"""What the operations on destination filters share."""

from typing import Any

import msgspec

from penstock.api.unit import Unit
from penstock.kit.time import format_iso
from penstock.resources.destination_filters import schemas
from penstock.resources.destination_filters.admission import require_condition, stored_actions
from penstock.resources.destination_filters.repository import DestinationFilter, delete_filters_of
from penstock.resources.destination_filters.snapshot import snapshot_of
from penstock.spec.snapshot import DestinationFilterSnapshot


def snapshot_of_previewed(asked: schemas.PreviewedFilter, field: str) -> DestinationFilterSnapshot:
    """A filter that is tried out and not kept. Raises InputInvalid, its fields below `field`."""
    require_condition(asked.condition, f"{field}.if")
    return snapshot_of(field, asked.condition, stored_actions(asked.actions, f"{field}.actions"))


async def remove_filters_of(unit: Unit, destination_id: str) -> None:
    """What happens here when a destination is deleted."""
    await delete_filters_of(unit.connection, unit.workspace_id, destination_id)


def view_of(row: DestinationFilter, source_id: str) -> schemas.DestinationFilter:
    # As a dictionary, because the wire name of the condition is a keyword of Python.
    values: dict[str, Any] = {"condition": row.condition}
    if row.description is not None:
        values["description"] = row.description
    return schemas.DestinationFilter(
        **values,
        id=row.id,
        source_id=source_id,
        destination_id=row.destination_id,
        actions=msgspec.json.decode(row.actions),
        title=row.title,
        enabled=row.enabled,
        created_at=format_iso(row.created_at),
        updated_at=format_iso(row.updated_at),
    )
