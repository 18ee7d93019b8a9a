"""Selective sync: what a warehouse does not load of its sources, and at which hours it loads."""

from penstock.resources.selective_sync.operations import (
    list_selective_syncs_from_warehouse_and_source,
    update_selective_sync_for_warehouse,
)
from penstock.resources.selective_sync.schedule import (
    get_advanced_sync_schedule_from_warehouse,
    replace_advanced_sync_schedule_for_warehouse,
)
from penstock.resources.selective_sync.service import forget_source, forget_warehouse
from penstock.resources.selective_sync.snapshot import (
    select_all_choices,
    select_schedule_snapshots,
    select_selection_snapshots,
)

USES = ("sources", "warehouses", "warehouse_syncs")
OPERATIONS = (
    list_selective_syncs_from_warehouse_and_source,
    update_selective_sync_for_warehouse,
    get_advanced_sync_schedule_from_warehouse,
    replace_advanced_sync_schedule_for_warehouse,
)
REACTIONS = {"warehouse_deleted": forget_warehouse, "source_deleted": forget_source}
CONTRIBUTIONS = {
    "warehouse_selections": select_selection_snapshots,
    "warehouse_schedule": select_schedule_snapshots,
}
__all__ = ["CONTRIBUTIONS", "OPERATIONS", "REACTIONS", "USES", "select_all_choices"]
