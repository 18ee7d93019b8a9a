"""Pages of sources, for every list of them: what has not changed since it was last listed is not read again."""

from typing import Any

from sqlalchemy import Select

from penstock.api.kept_views import KeptViews, ReadyList
from penstock.api.operation import Request
from penstock.api.pagination import answer_page
from penstock.api.permissions import Permission
from penstock.api.schema import Pagination
from penstock.api.unit import Unit
from penstock.resources.sources import schemas
from penstock.resources.sources.repository import Listed, select_listed, select_these
from penstock.resources.sources.service import view_of

_views = KeptViews()


async def sources_page(
    request: Request[Any], but: Select[Any] | None = None, among: Select[Any] | None = None
) -> dict[str, Any]:
    """The answer to a request for a page: the sources that the token may read, the oldest first.

    Without those whose ids `but` finds, and only those whose ids `among` finds.
    """
    reach = request.principal.reach(Permission.SOURCE_READ)
    page, unit = request.page, request.unit
    found, total = await select_listed(unit.connection, unit.workspace_id, page, reach, but, among)
    shown, told = answer_page(page, found, total, lambda source: (source.created_at, source.id))
    return {"sources": ReadyList(schemas.Source, await _told(unit, shown)), "pagination": Pagination.of(told)}


async def _told(unit: Unit, shown: list[Listed]) -> list[bytes]:
    admin = unit.principal.reach(Permission.SOURCE_ADMIN)
    # Write keys are shown by it: where it is neither of everything nor of nothing, by the labels of each source.
    shows = admin if admin.ids or admin.label_sets else admin.is_whole
    keys = {source.id: (unit.workspace_id, source.id, source.version, shows) for source in shown}
    items = {identifier: _views.find(key) for identifier, key in keys.items()}
    if missing := [identifier for identifier, view in items.items() if view is None]:
        for source in await select_these(unit.connection, unit.workspace_id, missing):
            items[source.id] = _views.keep(keys[source.id], view_of(source, unit))
    return [view for view in items.values() if view is not None]
