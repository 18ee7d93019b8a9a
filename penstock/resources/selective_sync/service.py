"""What happens here when others are deleted."""

from penstock.api.unit import Unit
from penstock.resources.selective_sync.repository import delete_choices_of, delete_off_of_source


async def forget_warehouse(unit: Unit, warehouse_id: str) -> None:
    await delete_choices_of(unit.connection, warehouse_id)


async def forget_source(unit: Unit, source_id: str) -> None:
    """Snapshots may name it until the next change: it has no more events."""
    await delete_off_of_source(unit.connection, source_id)
