"""The catalogue of warehouses, as the API tells it: all official ones, each that cannot be loaded yet saying so."""

from functools import cache

from penstock.api.errors import NotFound
from penstock.catalog.warehouses.metadata import WarehouseEntry, load_warehouse_catalog
from penstock.resources.catalog.schemas import PLAIN_LOGO, Logos, Option, WarehouseMetadata

NOT_LOADED = "This release has no driver for it yet."


@cache
def all_warehouses() -> tuple[WarehouseMetadata, ...]:
    """Sorted as pages are: by lower-case name, then id."""
    found = [_warehouse(entry) for entry in load_warehouse_catalog().values()]
    return tuple(sorted(found, key=lambda each: (each.name.lower(), each.id)))


@cache
def warehouse_metadata(metadata_id: str) -> WarehouseMetadata:
    """Raises NotFound."""
    found = next((each for each in all_warehouses() if each.id == metadata_id), None)
    if found is None:
        raise NotFound(f"warehouse metadata {metadata_id} does not exist")
    return found


def has_warehouse_metadata(metadata_id: str) -> bool:
    return any(each.id == metadata_id for each in all_warehouses())


def embedded_warehouse() -> WarehouseMetadata:
    """The one that every installation has."""
    return next(each for each in all_warehouses() if each.slug == "duckdb")


def _warehouse(entry: WarehouseEntry) -> WarehouseMetadata:
    options = [
        Option(
            name=option.name,
            type=option.type,
            required=option.required,
            description=option.description,
            default_value=option.default,
            label=option.name,
        )
        for option in entry.options
    ]
    return WarehouseMetadata(
        id=entry.id,
        name=entry.name,
        slug=entry.slug,
        description=entry.description if entry.has_driver else f"{entry.description} {NOT_LOADED}",
        logos=Logos(default=PLAIN_LOGO),
        options=options,
    )
