"""Catalog: What can be connected, as opposed to what is.

Written by `make docs`; edits here are lost.
"""

from typing import TypedDict

from penstock.client.asking import Ask, quoted
from penstock.client.public_api.shared import Pagination, SeedDestinationMetadata, SourceMetadata, WarehouseMetadata


class SourcesCatalogAnswer(TypedDict):
    sourcesCatalog: list[SourceMetadata]
    pagination: Pagination


class SeedSourceMetadataAnswer(TypedDict):
    sourceMetadata: SourceMetadata
    sourceCatalog: SourceMetadata


class SeedDestinationsCatalogAnswer(TypedDict):
    destinationsCatalog: list[SeedDestinationMetadata]
    pagination: Pagination


class SeedDestinationMetadataAnswer(TypedDict):
    destinationMetadata: SeedDestinationMetadata
    destinationCatalog: SeedDestinationMetadata


class WarehousesCatalogAnswer(TypedDict):
    warehousesCatalog: list[WarehouseMetadata]
    pagination: Pagination


class WarehouseMetadataAnswer(TypedDict):
    warehouseMetadata: WarehouseMetadata


class CatalogApi:
    """What can be connected, as opposed to what is."""

    def __init__(self, ask: Ask) -> None:
        self._ask = ask

    def get_sources_catalog(self, *, count: int | None = None, cursor: str | None = None) -> SourcesCatalogAnswer:
        """All sources that can be made, by name."""
        answer: SourcesCatalogAnswer = self._ask(
            "GET", "/catalog/sources", query={"pagination[count]": count, "pagination[cursor]": cursor}
        )
        return answer

    def get_source_metadata(self, source_metadata_id: str) -> SeedSourceMetadataAnswer:
        """One source that can be made."""
        answer: SeedSourceMetadataAnswer = self._ask("GET", f"/catalog/sources/{quoted(source_metadata_id)}")
        return answer

    def get_destinations_catalog(
        self, *, count: int | None = None, cursor: str | None = None
    ) -> SeedDestinationsCatalogAnswer:
        """All destinations that can be made, by name, with their settings, actions and presets."""
        answer: SeedDestinationsCatalogAnswer = self._ask(
            "GET", "/catalog/destinations", query={"pagination[count]": count, "pagination[cursor]": cursor}
        )
        return answer

    def get_destination_metadata(self, destination_metadata_id: str) -> SeedDestinationMetadataAnswer:
        """One destination that can be made."""
        answer: SeedDestinationMetadataAnswer = self._ask(
            "GET", f"/catalog/destinations/{quoted(destination_metadata_id)}"
        )
        return answer

    def get_warehouses_catalog(self, *, count: int | None = None, cursor: str | None = None) -> WarehousesCatalogAnswer:
        """All warehouses that can be made, by name."""
        answer: WarehousesCatalogAnswer = self._ask(
            "GET", "/catalog/warehouses", query={"pagination[count]": count, "pagination[cursor]": cursor}
        )
        return answer

    def get_warehouse_metadata(self, warehouse_metadata_id: str) -> WarehouseMetadataAnswer:
        """One warehouse that can be made."""
        answer: WarehouseMetadataAnswer = self._ask("GET", f"/catalog/warehouses/{quoted(warehouse_metadata_id)}")
        return answer
