"""Operations of the tag Catalog."""

from collections.abc import Sequence
from typing import Any, Protocol, get_args

from penstock.api.kept_views import ReadyList
from penstock.api.operation import Nothing, Request, operation, schemas
from penstock.api.pagination import Page, SortKey, page_of
from penstock.api.permissions import Permission
from penstock.api.schema import Pagination
from penstock.resources.catalog.destinations import all_destinations, destination_json, destination_metadata
from penstock.resources.catalog.schemas import (
    DestinationMetadataAnswer,
    DestinationsCatalogAnswer,
    SeedDestinationMetadataAnswer,
    SeedDestinationsCatalogAnswer,
    SeedSourceMetadataAnswer,
    SourceMetadataAnswer,
    SourcesCatalogAnswer,
    WarehouseMetadataAnswer,
    WarehousesCatalogAnswer,
)
from penstock.resources.catalog.views import all_sources, source_metadata
from penstock.resources.catalog.warehouses import all_warehouses, warehouse_metadata


class _Entry(Protocol):
    @property
    def id(self) -> str: ...

    @property
    def name(self) -> str: ...


def _key(entry: _Entry) -> SortKey:
    return (entry.name.lower(), entry.id)


def _page(entries: Sequence[Any], page: Page, name: str) -> dict[str, Any]:
    shown, answer = page_of(entries, page, _key)
    return {name: shown, "pagination": Pagination.of(answer)}


@operation(
    "getSourcesCatalog",
    "GET",
    "/catalog/sources",
    permission=Permission.CATALOG_READ,
    answer=schemas(SourcesCatalogAnswer),
    is_paged=True,
)
async def get_sources_catalog(request: Request[Nothing]) -> dict[str, Any]:
    """All sources that can be made, by name."""
    return _page(all_sources(), request.page, "sources_catalog")


@operation(
    "getSourceMetadata",
    "GET",
    "/catalog/sources/{sourceMetadataId}",
    permission=Permission.CATALOG_READ,
    answer=schemas(SourceMetadataAnswer, seed=SeedSourceMetadataAnswer),
)
async def get_source_metadata(request: Request[Nothing]) -> dict[str, Any]:
    """One source that can be made."""
    return {"source_metadata": source_metadata(request.path["sourceMetadataId"])}


@operation(
    "getDestinationsCatalog",
    "GET",
    "/catalog/destinations",
    permission=Permission.CATALOG_READ,
    answer=schemas(DestinationsCatalogAnswer, seed=SeedDestinationsCatalogAnswer),
    is_paged=True,
)
async def get_destinations_catalog(request: Request[Nothing]) -> dict[str, Any]:
    """All destinations that can be made, by name, with their settings, actions and presets."""
    shown, page = page_of(all_destinations(), request.page, _key)
    (schema,) = get_args(request.answer.model_fields["destinations_catalog"].annotation)
    ready = ReadyList(schema, [destination_json(entry.id, schema) for entry in shown])
    return {"destinations_catalog": ready, "pagination": Pagination.of(page)}


@operation(
    "getDestinationMetadata",
    "GET",
    "/catalog/destinations/{destinationMetadataId}",
    permission=Permission.CATALOG_READ,
    answer=schemas(DestinationMetadataAnswer, seed=SeedDestinationMetadataAnswer),
)
async def get_destination_metadata(request: Request[Nothing]) -> dict[str, Any]:
    """One destination that can be made."""
    return {"destination_metadata": destination_metadata(request.path["destinationMetadataId"])}


@operation(
    "getWarehousesCatalog",
    "GET",
    "/catalog/warehouses",
    permission=Permission.CATALOG_READ,
    answer=schemas(WarehousesCatalogAnswer),
    is_paged=True,
)
async def get_warehouses_catalog(request: Request[Nothing]) -> dict[str, Any]:
    """All warehouses that can be made, by name."""
    return _page(all_warehouses(), request.page, "warehouses_catalog")


@operation(
    "getWarehouseMetadata",
    "GET",
    "/catalog/warehouses/{warehouseMetadataId}",
    permission=Permission.CATALOG_READ,
    answer=schemas(WarehouseMetadataAnswer),
)
async def get_warehouse_metadata(request: Request[Nothing]) -> dict[str, Any]:
    """One warehouse that can be made."""
    return {"warehouse_metadata": warehouse_metadata(request.path["warehouseMetadataId"])}
