"""What an event says of warehouses in its `integrations` (warehouses.md §14)."""

from collections.abc import Mapping
from typing import Any


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
