"""Rules of sources that several handlers and the first run share."""

import re

import msgspec

from penstock.api.errors import BadRequest, InputInvalid
from penstock.api.permissions import Permission
from penstock.api.schema import JsonObject
from penstock.api.unit import Unit
from penstock.catalog.sources import load_source_catalog
from penstock.kit.ids import resource_id, write_key
from penstock.resources.catalog import metadata_of_source
from penstock.resources.sources import schemas
from penstock.resources.sources.repository import Source, insert_source, is_taken, update_source
from penstock.resources.sources.snapshot import snapshot_of
from penstock.spec.names import snakecase
from penstock.spec.snapshot import SnapshotKind, SourceSnapshot

_SLUG = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")
_SCHEMA_NAME_LIMIT = 63


async def require_metadata(unit: Unit, metadata_id: str, settings: JsonObject) -> tuple[str, bool]:
    """What the source is made of, and whether that is a source function of the workspace, which its own id names too.

    Raises InputInvalid naming the field: also for a sensitive setting, for a source's settings are not sealed.
    """
    if metadata_id in load_source_catalog():
        return metadata_id, False
    function = next(iter(await unit.contributed("source_function", metadata_id)), None)
    if function is None:
        raise InputInvalid(f'"metadataId" {metadata_id} is not in the catalog of sources', field="metadataId")
    catalog_id, sensitive = function
    for name in sensitive & settings.keys():
        message = f'"settings.{name}" is sensitive: set it at the instance of the function, where it is sealed'
        raise InputInvalid(message, field=f"settings.{name}")
    return catalog_id, True


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
    made_of, is_function = await require_metadata(unit, metadata_id, settings)
    await require_free_slug(unit, slug)
    source = Source(
        id=resource_id(),
        workspace_id=unit.workspace_id,
        version=1,
        slug=slug,
        name=name,
        metadata_id=made_of,
        enabled=enabled,
        settings=msgspec.json.encode(settings).decode(),
        schema_name=await _free_schema_name(unit, slug),
        created_at=unit.now,
        event_rate=0,
        ip="keep",
        schema_settings="{}",
        schema_filters="{}",
        keep_blocked_events=True,
        write_keys=(write_key(),),
    )
    await insert_source(unit.connection, source)
    await publish(unit, source)
    if is_function:
        await unit.react("source_of_function_created", source.id)
    return source


async def touch(unit: Unit, source: Source) -> Source:
    """Write the source with its next version, and tell the data plane of it and of all that belongs to it."""
    changed = msgspec.structs.replace(source, version=source.version + 1)
    await update_source(unit.connection, changed)
    await publish(unit, changed)
    return changed


async def publish(unit: Unit, source: Source) -> None:
    unit.publish(SnapshotKind.SOURCE, await current_snapshot(unit, source))


async def current_snapshot(unit: Unit, source: Source) -> SourceSnapshot:
    """With what other slices keep of it."""
    plan_id = next(iter(await unit.contributed("tracking_plan", source.id)), "")
    return snapshot_of(source, plan_id, await unit.contributed("source_transformations", source.id))


async def _free_schema_name(unit: Unit, slug: str) -> str:
    """The schema of a new source: its slug in snake case, numbered where another source has that one."""
    base = snakecase(slug)[:_SCHEMA_NAME_LIMIT] or "source"
    name, number = base, 1
    while await is_taken(unit.connection, unit.workspace_id, "schema_name", name):
        number += 1
        name = f"{base[: _SCHEMA_NAME_LIMIT - 4]}_{number}"
    return name


def view_of(source: Source, unit: Unit) -> schemas.Source:
    """As the API tells it; write keys only to tokens that administer the source."""
    is_shown = unit.principal.reach(Permission.SOURCE_ADMIN).covers(source.id, source.labels)
    return schemas.Source(
        id=source.id,
        slug=source.slug,
        name=source.name or source.slug,
        metadata=metadata_of_source(source.metadata_id),
        workspace_id=source.workspace_id,
        enabled=source.enabled,
        write_keys=list(source.write_keys) if is_shown else [],
        settings=msgspec.json.decode(source.settings),
        labels=[schemas.Label(key=key, value=value) for key, value in source.labels],
    )
