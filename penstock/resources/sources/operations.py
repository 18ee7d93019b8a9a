"""Operations of the tag Sources."""

from typing import Any

import msgspec

from penstock.api.operation import Nothing, Request, operation, schemas
from penstock.api.permissions import Permission
from penstock.api.schema import DELETED, Deleted
from penstock.api.scope import anywhere
from penstock.resources.sources.listing import sources_page
from penstock.resources.sources.repository import (
    Source,
    require_source,
)
from penstock.resources.sources.repository import (
    delete_source as delete_source_row,
)
from penstock.resources.sources.schemas import (
    CreateSource,
    CreateSourceAlpha,
    CreateSourceSeed,
    GetSourceAnswer,
    GetSourceSeedAnswer,
    SourceAnswer,
    SourcesAnswer,
    UpdateSource,
)
from penstock.resources.sources.service import add_source, require_free_slug, touch, view_of
from penstock.spec.snapshot import SnapshotKind


@operation(
    "createSource",
    "POST",
    "/sources",
    permission=Permission.SOURCE_ADMIN,
    body=schemas(CreateSource, seed=CreateSourceSeed, alpha=CreateSourceAlpha),
    answer=schemas(SourceAnswer),
    created=True,
    audit=("Source Created",),
)
async def create_source(request: Request[CreateSource]) -> dict[str, Any]:
    """Make a source with one write key. It is connected to every warehouse unless `disconnectAllWarehouses` is true.

    `metadataId` is that of a catalog entry, or the id of a source function.
    """
    body, unit = request.body, request.unit
    source = await add_source(
        unit,
        body.slug,
        body.metadata_id,
        enabled=body.enabled,
        settings=body.settings,
        name=getattr(body, "name", ""),
    )
    if getattr(body, "disconnect_all_warehouses", False):
        await unit.react("source_disconnected", source.id)
    await unit.audit("Source Created", "SOURCE", source.id, source.slug)
    return {"source": view_of(source, unit)}


@operation(
    "getSource",
    "GET",
    "/sources/{sourceId}",
    permission=Permission.SOURCE_READ,
    answer=schemas(GetSourceAnswer, seed=GetSourceSeedAnswer),
)
async def get_source(request: Request[Nothing]) -> dict[str, Any]:
    """One source. `writeKeys` is empty where the token does not administer it."""
    source = await require_source(request.unit.connection, request.workspace_id, request.path["sourceId"])
    answer = {"source": view_of(source, request.unit)}
    if not request.wants("tracking_plan_id"):
        return answer
    plans = await request.unit.contributed("tracking_plan", source.id)
    return {**answer, "tracking_plan_id": next(iter(plans), None)}


@operation(
    "listSources",
    "GET",
    "/sources",
    permission=anywhere(Permission.SOURCE_READ),
    answer=schemas(SourcesAnswer),
    is_paged=True,
)
async def list_sources(request: Request[Nothing]) -> dict[str, Any]:
    """The sources of the workspace that the token may read, the oldest first."""
    return await sources_page(request)


@operation(
    "updateSource",
    "PATCH",
    "/sources/{sourceId}",
    permission=Permission.SOURCE_ADMIN,
    body=schemas(UpdateSource),
    answer=schemas(SourceAnswer),
    audit=("Source Modified", "Source Enabled", "Source Disabled", "Source Settings Modified"),
)
async def update_source(request: Request[UpdateSource]) -> dict[str, Any]:
    """Change what is sent. Settings are merged by key; null removes one. The warehouse schema keeps its name."""
    unit, sent = request.unit, request.body.sent()
    source = await require_source(unit.connection, unit.workspace_id, request.path["sourceId"])
    if "slug" in sent:
        await require_free_slug(unit, sent["slug"], but=source.id)
    if "settings" in sent:
        sent["settings"] = _merged(source.settings, sent["settings"])
    changed = await touch(unit, msgspec.structs.replace(source, **sent))
    for type_ in _audit_types(source, changed):
        await unit.audit(type_, "SOURCE", source.id, changed.slug)
    return {"source": view_of(changed, unit)}


def _merged(stored: str, sent: dict[str, Any]) -> str:
    merged = msgspec.json.decode(stored) | sent
    return msgspec.json.encode({key: value for key, value in merged.items() if value is not None}).decode()


def _audit_types(before: Source, after: Source) -> list[str]:
    types = ["Source Modified"]
    if before.enabled != after.enabled:
        types.append("Source Enabled" if after.enabled else "Source Disabled")
    if before.settings != after.settings:
        types.append("Source Settings Modified")
    return types


@operation(
    "deleteSource",
    "DELETE",
    "/sources/{sourceId}",
    permission=Permission.SOURCE_ADMIN,
    answer=schemas(Deleted),
    audit=("Source Deleted",),
)
async def delete_source(request: Request[Nothing]) -> dict[str, Any]:
    """Delete a source with its write keys and destinations. What warehouses hold of it stays."""
    unit = request.unit
    source = await require_source(unit.connection, unit.workspace_id, request.path["sourceId"])
    await unit.react("source_deleted", source.id)
    await delete_source_row(unit.connection, unit.workspace_id, source.id)
    unit.bury(SnapshotKind.SOURCE, source.id, source.version + 1)
    await unit.audit("Source Deleted", "SOURCE", source.id, source.slug)
    return DELETED.model_dump()
