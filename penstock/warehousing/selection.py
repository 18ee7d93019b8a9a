"""What is not loaded: what an event says of warehouses in its `integrations`, and what is turned off (§14)."""

from collections.abc import Mapping
from typing import Any

import msgspec

from penstock.spec.snapshot import SelectionSnapshot, WarehouseSnapshot
from penstock.spec.warehouse_names import NEEDED_COLUMNS


class Selection(msgspec.Struct, frozen=True):
    """What is loaded of one source. Its tables and columns that are there stay; they get nothing new."""

    tables_off: frozenset[str] = frozenset()
    columns_off: Mapping[str, frozenset[str]] = {}
    """By table, without those that a load cannot do without."""

    def takes(self, table: str) -> bool:
        return table not in self.tables_off

    def kept(self, table: str, values: dict[str, Any]) -> dict[str, Any]:
        off = self.columns_off.get(table)
        return {name: value for name, value in values.items() if name not in off} if off else values


ALL = Selection()


def excluded_sources(warehouse: WarehouseSnapshot) -> frozenset[str]:
    """Those that are not connected, and those that are turned off."""
    return frozenset(warehouse.excluded).union(each.source_id for each in warehouse.selections if each.is_off)


def selections_of(warehouse: WarehouseSnapshot) -> dict[str, Selection]:
    """By source, where something is off."""
    return {each.source_id: _selection(each) for each in warehouse.selections}


def _selection(snapshot: SelectionSnapshot) -> Selection:
    columns = {
        table: frozenset(names) - NEEDED_COLUMNS.get(table, NEEDED_COLUMNS[""])
        for table, names in snapshot.properties.items()
    }
    return Selection(frozenset(snapshot.collections), columns)


def is_for_warehouse(event: Mapping[str, Any], warehouse_id: str) -> bool:
    """`Warehouses` decides alone: `All: false` without it does not keep an event from the warehouses."""
    integrations = event.get("integrations")
    if not integrations or not isinstance(integrations, dict):
        return True
    choice = integrations.get("Warehouses", integrations.get("warehouses"))
    if isinstance(choice, bool):
        return choice
    if not isinstance(choice, dict):
        return True
    identifiers = choice.get("warehouseIds")
    if isinstance(identifiers, list):
        return warehouse_id in identifiers
    return choice.get("all") is not False
