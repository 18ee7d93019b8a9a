"""Rules of sources that several handlers and the first run share."""

import re

import msgspec

from penstock.api.errors import BadRequest, InputInvalid
from penstock.api.permissions import Permission
from penstock.api.schema import JsonObject
from penstock.api.unit import Unit
from penstock.catalog.sources import SourceEntry, load_source_catalog
from penstock.kit.ids import resource_id, write_key
from penstock.resources.catalog import source_metadata
from penstock.resources.sources import schemas
from penstock.resources.sources.repository import Source, insert_source, is_taken
from penstock.resources.sources.snapshot import snapshot_of
from penstock.spec.names import snakecase
from penstock.spec.snapshot import SnapshotKind

_SLUG = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")
_SCHEMA_NAME_LIMIT = 63


def require_metadata(metadata_id: str) -> SourceEntry:
    """Raises InputInvalid naming the field."""
    if (entry := load_source_catalog().get(metadata_id)) is None:
        raise InputInvalid(f'"metadataId" {metadata_id} is not in the catalog of sources', field="metadataId")
    return entry


async def require_free_slug(unit: Unit, slug: str, but: str = "") -> None:
    """Raises InputInvalid or BadRequest naming the field."""
    if not _SLUG.fullmatch(slug):
        raise InputInvalid(
            '"slug" must hold letters, digits, ".", "_" and "-" alone, a letter or digit first', field="slug"
        )
    if await is_taken(unit.connection, unit.workspace_id, "slug", slug, but):
        raise BadRequest(f"a source with the slug {slug} exists already", field="slug")


async def add_source(
    unit: Unit, slug: str, metadata_id: str, *, enabled: bool, settings: JsonObject, name: str = ""
) -> Source:
    """Make a source with its first write key, and tell the data plane."""
    require_metadata(metadata_id)
    await require_free_slug(unit, slug)
    source = Source(
        id=resource_id(),
        workspace_id=unit.workspace_id,
        version=1,
        slug=slug,
        name=name,
        metadata_id=metadata_id,
        enabled=enabled,
        settings=msgspec.json.encode(settings).decode(),
        schema_name=await _free_schema_name(unit, slug),
        created_at=unit.now,
        write_keys=(write_key(),),
    )
    await insert_source(unit.connection, source)
    unit.publish(SnapshotKind.SOURCE, snapshot_of(source))
    return source


async def _free_schema_name(unit: Unit, slug: str) -> str:
    """The schema of a new source: its slug in snake case, numbered where another source has that one."""
    base = snakecase(slug)[:_SCHEMA_NAME_LIMIT] or "source"
    name, number = base, 1
    while await is_taken(unit.connection, unit.workspace_id, "schema_name", name):
        number += 1
        name = f"{base[: _SCHEMA_NAME_LIMIT - 4]}_{number}"
    return name


def view_of(source: Source, unit: Unit) -> schemas.Source:
    """As the API tells it; write keys only to tokens that administer sources."""
    return schemas.Source(
        id=source.id,
        slug=source.slug,
        name=source.name or source.slug,
        metadata=source_metadata(source.metadata_id),
        workspace_id=source.workspace_id,
        enabled=source.enabled,
        write_keys=list(source.write_keys) if unit.principal.may(Permission.SOURCE_ADMIN) else [],
        settings=msgspec.json.decode(source.settings),
        labels=[],
    )
