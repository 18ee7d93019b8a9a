"""Catalog entries as the API tells them: built once per entry, then shared by every answer that holds them."""

from functools import cache

from penstock.api.errors import NotFound
from penstock.catalog.sources import SourceEntry, load_source_catalog
from penstock.resources.catalog.schemas import PLAIN_LOGO, Logos, SourceMetadata


@cache
def source_metadata(metadata_id: str) -> SourceMetadata:
    """Raises NotFound."""
    if (entry := load_source_catalog().get(metadata_id)) is None:
        raise NotFound(f"source metadata {metadata_id} does not exist")
    return _source(entry)


@cache
def metadata_of_source(metadata_id: str) -> SourceMetadata:
    """The same for a source that stands: where its id is no entry's, a function of its workspace makes its events."""
    if metadata_id in load_source_catalog():
        return source_metadata(metadata_id)
    return SourceMetadata(
        id=metadata_id,
        name="Source Function",
        slug="source-function",
        description="",
        logos=Logos(default=PLAIN_LOGO),
        options=[],
        categories=["Custom"],
        is_cloud_event_source=True,
        status="PUBLIC",
    )


@cache
def all_sources() -> tuple[SourceMetadata, ...]:
    """Sorted as pages are: by lower-case name, then id."""
    return tuple(source_metadata(identifier) for identifier in load_source_catalog())


def _source(entry: SourceEntry) -> SourceMetadata:
    return SourceMetadata(
        id=entry.id,
        name=entry.name,
        slug=entry.slug,
        description=entry.description,
        logos=Logos(default=entry.logo),
        options=[],
        categories=entry.categories,
        is_cloud_event_source=entry.is_cloud_event_source,
        status=entry.status,
        partner_owned=entry.partner_owned,
    )
