"""Past syncs of warehouses, as the warehousing role reports them."""

from penstock.api.retention import Kept
from penstock.resources.warehouse_syncs.operations import (
    forget_reports_of,
    list_syncs_from_warehouse,
    list_syncs_from_warehouse_and_source,
)
from penstock.resources.warehouse_syncs.repository import ReportedSync, add_syncs, select_collections
from penstock.resources.warehouse_syncs.table import warehouse_syncs

USES = ("warehouses",)
OPERATIONS = (list_syncs_from_warehouse, list_syncs_from_warehouse_and_source)
KEPT = (Kept(warehouse_syncs.c.started_at, days=30),)
REACTIONS = {"warehouse_deleted": forget_reports_of}
__all__ = [
    "KEPT",
    "OPERATIONS",
    "REACTIONS",
    "USES",
    "ReportedSync",
    "add_syncs",
    "select_collections",
]
