"""The catalog: what can be connected, as opposed to what is."""

from penstock.resources.catalog.destinations import (
    DestinationEntry,
    PresetEntry,
    destination_entry,
    destination_metadata,
)
from penstock.resources.catalog.functions import FUNCTION_ACTION, function_entry
from penstock.resources.catalog.operations import (
    get_destination_metadata,
    get_destinations_catalog,
    get_source_metadata,
    get_sources_catalog,
    get_warehouse_metadata,
    get_warehouses_catalog,
)
from penstock.resources.catalog.schemas import (
    DestinationMetadata,
    SeedDestinationMetadata,
    SourceMetadata,
    WarehouseMetadata,
)
from penstock.resources.catalog.views import metadata_of_source, source_metadata
from penstock.resources.catalog.warehouses import embedded_warehouse, has_warehouse_metadata, warehouse_metadata

USES: tuple[str, ...] = ()
OPERATIONS = (
    get_sources_catalog,
    get_source_metadata,
    get_destinations_catalog,
    get_destination_metadata,
    get_warehouses_catalog,
    get_warehouse_metadata,
)
__all__ = [
    "FUNCTION_ACTION",
    "OPERATIONS",
    "USES",
    "DestinationEntry",
    "DestinationMetadata",
    "PresetEntry",
    "SeedDestinationMetadata",
    "SourceMetadata",
    "WarehouseMetadata",
    "destination_entry",
    "destination_metadata",
    "embedded_warehouse",
    "function_entry",
    "has_warehouse_metadata",
    "metadata_of_source",
    "source_metadata",
    "warehouse_metadata",
]
