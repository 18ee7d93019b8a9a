"""Queries on sources. A source is read together with its write keys and its labels, in one statement."""

from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any

import msgspec
from sqlalchemy import Select, bindparam, delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from penstock.api.errors import NotFound
from penstock.api.pagination import Page, in_page, page_parameters, shape_of
from penstock.api.reach import Reach
from penstock.resources.sources.scope import within
from penstock.resources.sources.table import source_labels, sources, write_keys
from penstock.spec.snapshot import IpHandling


class Source(msgspec.Struct, frozen=True):
    """One row with its write keys, and its labels as pairs of key and value."""

    id: str
    workspace_id: str
    version: int
    slug: str
    name: str
    metadata_id: str
    enabled: bool
    settings: str
    schema_name: str
    created_at: int
    event_rate: int
    ip: IpHandling
    schema_settings: str
    schema_filters: str
    keep_blocked_events: bool
    write_keys: tuple[str, ...]
    labels: tuple[tuple[str, str], ...] = ()


class Listed(msgspec.Struct, frozen=True):
    """Where one source stands in a list, and which version of it."""

    id: str
    created_at: int
    version: int


_NAMES = [column.name for column in sources.columns]


def _joined() -> Select[Any]:
    """Sources with their keys and labels. `Source` begins with their columns, in this order."""
    return (
        select(sources, write_keys.c.write_key, source_labels.c.key, source_labels.c.value)
        .outerjoin_from(sources, write_keys, write_keys.c.source_id == sources.c.id)
        .outerjoin(source_labels, source_labels.c.source_id == sources.c.id)
        .order_by(sources.c.created_at, sources.c.id, write_keys.c.position, source_labels.c.key)
    )


# Built once: building it takes five times what it takes to run it.
_ONE = _joined().where(sources.c.workspace_id == bindparam("workspace"), sources.c.id == bindparam("source"))
_THESE = _joined().where(
    sources.c.workspace_id == bindparam("workspace"), sources.c.id.in_(bindparam("ids", expanding=True))
)
_CHANGEABLE = (
    "version",
    "slug",
    "name",
    "enabled",
    "settings",
    "event_rate",
    "ip",
    "schema_settings",
    "schema_filters",
    "keep_blocked_events",
)


async def get_source(connection: AsyncConnection, workspace_id: str, source_id: str) -> Source | None:
    rows = await connection.execute(_ONE, {"workspace": workspace_id, "source": source_id})
    return next(iter(_grouped(rows)), None)


async def select_source_ids(connection: AsyncConnection, workspace_id: str, named: str) -> list[str]:
    """Sources of that id or slug; those of all workspaces where `workspace_id` is empty."""
    query = select(sources.c.id).where((sources.c.id == named) | (sources.c.slug == named))
    if workspace_id:
        query = query.where(sources.c.workspace_id == workspace_id)
    return list((await connection.execute(query.limit(100))).scalars())


async def select_ids_of_workspace(connection: AsyncConnection, workspace_id: str) -> list[str]:
    query = select(sources.c.id).where(sources.c.workspace_id == workspace_id)
    return list((await connection.execute(query)).scalars())


async def require_source(connection: AsyncConnection, workspace_id: str, source_id: str) -> Source:
    """Raises NotFound."""
    if (source := await get_source(connection, workspace_id, source_id)) is None:
        raise NotFound(f"source {source_id} does not exist")
    return source


async def select_listed(
    connection: AsyncConnection,
    workspace_id: str,
    page: Page,
    reach: Reach,
    but: Select[Any] | None = None,
    among: Select[Any] | None = None,
) -> tuple[list[Listed], int]:
    """Up to `page.count` + 1 sources as `in_page` orders them, and how many there are in all.

    Only those that are within the reach, without those whose ids `but` finds, and only those whose ids `among` finds.
    """
    named = {"workspace": workspace_id}
    shape, is_kept = shape_of(page), but is None and among is None
    listed, count = _queries(shape, reach) if is_kept else _new_queries(shape, reach, but, among)
    rows = (await connection.execute(listed, named | page_parameters(page))).all()
    if rows:
        total = rows[0].total
    else:
        total = 0 if page.place is None else (await connection.execute(count, named)).scalar_one()
    return [Listed(*row[:3]) for row in rows], total


def _new_queries(
    page: Page, reach: Reach, but: Select[Any] | None = None, among: Select[Any] | None = None
) -> tuple[Select[Any], Select[Any]]:
    """The page, each row with the total; and the total alone, for where nothing stands beyond a cursor."""
    where = [sources.c.workspace_id == bindparam("workspace"), *within(reach, sources.c.id)]
    if but is not None:
        where.append(sources.c.id.not_in(but))
    if among is not None:
        where.append(sources.c.id.in_(among))
    count = select(func.count()).select_from(sources).where(*where)
    total = count.correlate(None).scalar_subquery().label("total")
    listed = select(sources.c.id, sources.c.created_at, sources.c.version, total).where(*where)
    return in_page(listed, page, sources.c.created_at, sources.c.id), count


_queries = lru_cache(maxsize=256)(_new_queries)
"""Those of lists that depend on the reach alone."""


async def select_these(connection: AsyncConnection, workspace_id: str, ids: Sequence[str]) -> list[Source]:
    """In no order that counts."""
    return _grouped(await connection.execute(_THESE, {"workspace": workspace_id, "ids": ids}))


async def select_all_sources(connection: AsyncConnection) -> list[Source]:
    """Of all workspaces, for repairing what is published."""
    return _grouped((await connection.execute(_joined())).all())


async def is_taken(connection: AsyncConnection, workspace_id: str, column: str, value: str, but: str = "") -> bool:
    """Whether another source than `but` has this value."""
    query = select(sources.c.id).where(
        sources.c.workspace_id == workspace_id, sources.c[column] == value, sources.c.id != but
    )
    return (await connection.execute(query.limit(1))).first() is not None


async def insert_source(connection: AsyncConnection, source: Source) -> None:
    values = {name: getattr(source, name) for name in _NAMES}
    await connection.execute(insert(sources).values(values))
    keys = [
        {"write_key": key, "workspace_id": source.workspace_id, "source_id": source.id, "position": position}
        for position, key in enumerate(source.write_keys)
    ]
    await connection.execute(insert(write_keys), keys)


async def insert_write_key(connection: AsyncConnection, source: Source, key: str) -> None:
    """As the last of the source's."""
    last = select(func.coalesce(func.max(write_keys.c.position), 0)).where(write_keys.c.source_id == source.id)
    position = (await connection.execute(last)).scalar_one() + 1
    row = {"write_key": key, "workspace_id": source.workspace_id, "source_id": source.id, "position": position}
    await connection.execute(insert(write_keys).values(row))


async def delete_write_key(connection: AsyncConnection, source: Source, key: str) -> None:
    where = (write_keys.c.source_id == source.id, write_keys.c.write_key == key)
    await connection.execute(delete(write_keys).where(*where))


async def update_source(connection: AsyncConnection, source: Source) -> None:
    values = {name: getattr(source, name) for name in _CHANGEABLE}
    where = (sources.c.workspace_id == source.workspace_id, sources.c.id == source.id)
    await connection.execute(update(sources).where(*where).values(values))


async def delete_source(connection: AsyncConnection, workspace_id: str, source_id: str) -> None:
    belongings = ((write_keys, write_keys.c.source_id), (source_labels, source_labels.c.source_id))
    for table, column in (*belongings, (sources, sources.c.id)):
        where = (table.c.workspace_id == workspace_id, column == source_id)
        await connection.execute(delete(table).where(*where))


def _grouped(rows: Iterable[Any]) -> list[Source]:
    """A source has a row for each of its keys with each of its labels."""
    found: dict[str, tuple[list[Any], dict[str, None], dict[tuple[str, str], None]]] = {}
    for *columns, write_key, key, value in rows:
        _, keys, labels = found.setdefault(columns[0], (columns, {}, {}))
        if write_key:
            keys[write_key] = None
        if key:
            labels[key, value] = None
    return [Source(*(*columns, tuple(keys), tuple(labels))) for columns, keys, labels in found.values()]


async def first_write_key(connection: AsyncConnection, workspace_id: str) -> str:
    """A write key of the oldest source; empty where there is none."""
    query = _joined().where(sources.c.workspace_id == workspace_id, write_keys.c.write_key.is_not(None)).limit(1)
    return next((source.write_keys[0] for source in _grouped((await connection.execute(query)).all())), "")
