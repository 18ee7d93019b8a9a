"""Warehouses: the configured analytical databases, and which sources they load."""

from penstock.resources.warehouses.connections import (
    add_connection_from_source_to_warehouse,
    list_connected_sources_from_warehouse,
    list_connected_warehouses_from_source,
    remove_source_connection_from_warehouse,
)
from penstock.resources.warehouses.operations import (
    MODIFIED,
    RESOURCE,
    create_warehouse,
    delete_warehouse,
    get_warehouse,
    list_warehouses,
    update_warehouse,
    warehouse_of,
)
from penstock.resources.warehouses.repository import is_warehouse_within, select_left, select_names
from penstock.resources.warehouses.service import add_warehouse, exclude_source, forget_source, title_of, touch
from penstock.resources.warehouses.snapshot import Choices, select_snapshots
from penstock.resources.warehouses.validation import create_validation_in_warehouse, get_connection_state_from_warehouse

USES = ("catalog", "sources")
OPERATIONS = (
    create_warehouse,
    list_warehouses,
    create_validation_in_warehouse,
    get_warehouse,
    update_warehouse,
    delete_warehouse,
    get_connection_state_from_warehouse,
    list_connected_sources_from_warehouse,
    add_connection_from_source_to_warehouse,
    remove_source_connection_from_warehouse,
    list_connected_warehouses_from_source,
)
REACTIONS = {"source_disconnected": exclude_source, "source_deleted": forget_source}
SCOPES = {"warehouse": is_warehouse_within}
__all__ = [
    "MODIFIED",
    "OPERATIONS",
    "REACTIONS",
    "RESOURCE",
    "SCOPES",
    "USES",
    "Choices",
    "add_warehouse",
    "select_left",
    "select_names",
    "select_snapshots",
    "title_of",
    "touch",
    "warehouse_of",
]
