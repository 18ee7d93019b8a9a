"""The warehouses that can be connected, as facts: ids, names and settings, those of Segment and our own DuckDB.

Ids and setting keys of Segment's are facts of its public documentation (CC BY 4.0); a key whose spelling is not certain
says so in `certainty`. `has_driver` tells which of them this release can load.
"""

from functools import cache
from importlib.resources import files

import msgspec

DRIVEN = ("duckdb", "postgres")
"""Slugs that `drivers` has a driver for, told here because the control plane must not import drivers."""


class WarehouseOption(msgspec.Struct, frozen=True):
    """One setting. `certainty` is `confirmed`, `seen` or `guess`, and `own` where it is ours."""

    name: str
    type: str
    required: bool
    description: str
    certainty: str
    default: str = ""

    @property
    def is_secret(self) -> bool:
        return self.type == "password"


class WarehouseEntry(msgspec.Struct, frozen=True):
    """One catalog entry."""

    id: str
    slug: str
    name: str
    description: str
    status: str
    options: list[WarehouseOption]

    @property
    def has_driver(self) -> bool:
        return self.slug in DRIVEN


@cache
def load_warehouse_catalog() -> dict[str, WarehouseEntry]:
    """All entries by id, in the order of their names."""
    entries = msgspec.json.decode((files(__package__) / "warehouses.json").read_bytes(), type=list[WarehouseEntry])
    return {entry.id: entry for entry in entries}
