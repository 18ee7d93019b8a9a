"""Warehouses that can be connected, as the API tells them: those that this release has a driver for."""

from functools import cache

from penstock.api.errors import NotFound
from penstock.kit.ids import derived_id
from penstock.resources.catalog.schemas import Logos, WarehouseMetadata

DUCKDB_METADATA_ID = derived_id("warehouse", "duckdb")[:10]
_LOGO = (
    "data:image/svg+xml,%3Csvg%20xmlns='http://www.w3.org/2000/svg'%20viewBox='0%200%2016%2016'%3E"
    "%3Ccircle%20cx='8'%20cy='8'%20r='7'/%3E%3C/svg%3E"
)


@cache
def all_warehouses() -> tuple[WarehouseMetadata, ...]:
    """Sorted as pages are: by lower-case name, then id."""
    duckdb = WarehouseMetadata(
        id=DUCKDB_METADATA_ID,
        name="DuckDB",
        slug="duckdb",
        description="The warehouse in Penstock's own data directory.",
        logos=Logos(default=_LOGO),
        options=[],
    )
    return (duckdb,)


def warehouse_metadata(metadata_id: str) -> WarehouseMetadata:
    """Raises NotFound."""
    found = next((each for each in all_warehouses() if each.id == metadata_id), None)
    if found is None:
        raise NotFound(f"warehouse metadata {metadata_id} does not exist")
    return found
