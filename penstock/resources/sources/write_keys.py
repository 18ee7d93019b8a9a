"""The write keys of a source: several may be live at once, which is how one is exchanged without losing an event."""

from typing import Any

import msgspec

from penstock.api.errors import BadRequest, NotFound
from penstock.api.operation import Nothing, Request, operation, schemas
from penstock.api.permissions import Permission
from penstock.api.schema import DELETED, Deleted
from penstock.api.versions import Contract
from penstock.kit.ids import write_key
from penstock.resources.sources.repository import Source, delete_write_key, insert_write_key, require_source
from penstock.resources.sources.schemas import SourceAnswer
from penstock.resources.sources.service import touch, view_of

KEYS_LIMIT = 100
"""Of one source."""
_PATH = "/sources/{sourceId}/writekey"


@operation(
    "createWriteKeyForSource",
    "POST",
    _PATH,
    permission=Permission.SOURCE_ADMIN,
    answer=schemas(SourceAnswer),
    audit=("Source Modified",),
    offered=(Contract.ALPHA,),
)
async def create_write_key_for_source(request: Request[Nothing]) -> dict[str, Any]:
    """Give a source one more write key, the last of its `writeKeys`. Those that it has go on being taken."""
    unit, source = request.unit, await _source(request)
    if len(source.write_keys) >= KEYS_LIMIT:
        raise BadRequest(f"a source has at most {KEYS_LIMIT} write keys")
    made = write_key()
    await insert_write_key(unit.connection, source, made)
    changed = await touch(unit, msgspec.structs.replace(source, write_keys=(*source.write_keys, made)))
    await unit.audit("Source Modified", "SOURCE", source.id, source.slug)
    return {"source": view_of(changed, unit)}


@operation(
    "removeWriteKeyFromSource",
    "DELETE",
    _PATH + "/{writeKey}",
    permission=Permission.SOURCE_ADMIN,
    answer=schemas(Deleted),
    audit=("Source Modified",),
    offered=(Contract.ALPHA,),
)
async def remove_write_key_from_source(request: Request[Nothing]) -> dict[str, Any]:
    """Take nothing more with this write key. The last one of a source cannot be removed (400)."""
    unit, source, removed = request.unit, await _source(request), request.path["writeKey"]
    left = tuple(key for key in source.write_keys if key != removed)
    if left == source.write_keys:
        raise NotFound(f"source {source.id} does not have this write key")
    if not left:
        raise BadRequest("a source keeps one write key; make another before this one is removed")
    await delete_write_key(unit.connection, source, removed)
    await touch(unit, msgspec.structs.replace(source, write_keys=left))
    await unit.audit("Source Modified", "SOURCE", source.id, source.slug)
    return DELETED.model_dump()


async def _source(request: Request[Nothing]) -> Source:
    unit = request.unit
    return await require_source(unit.connection, unit.workspace_id, request.path["sourceId"])
