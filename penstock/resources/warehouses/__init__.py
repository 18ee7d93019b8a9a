"""Warehouses: the configured analytical databases."""

from penstock.resources.warehouses.operations import get_warehouse, list_warehouses
from penstock.resources.warehouses.service import add_warehouse, exclude_source, forget_source
from penstock.resources.warehouses.snapshot import select_snapshots

USES = ("catalog",)
OPERATIONS = (list_warehouses, get_warehouse)
REACTIONS = {"source_disconnected": exclude_source, "source_deleted": forget_source}
__all__ = ["OPERATIONS", "REACTIONS", "USES", "add_warehouse", "select_snapshots"]
