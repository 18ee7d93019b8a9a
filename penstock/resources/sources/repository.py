"""Queries on sources. A source is read together with its write keys, in one statement."""

from typing import Any

import msgspec
from sqlalchemy import Row, Select, delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from penstock.api.errors import NotFound
from penstock.api.pagination import Page, in_page
from penstock.resources.sources.table import sources, write_keys


class Source(msgspec.Struct, frozen=True):
    """One row with its write keys."""

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
    write_keys: tuple[str, ...]


_NAMES = [column.name for column in sources.columns]


async def get_source(connection: AsyncConnection, workspace_id: str, source_id: str) -> Source | None:
    query = _joined().where(sources.c.workspace_id == workspace_id, sources.c.id == source_id)
    return next(iter(_grouped((await connection.execute(query)).all())), None)


async def require_source(connection: AsyncConnection, workspace_id: str, source_id: str) -> Source:
    """Raises NotFound."""
    if (source := await get_source(connection, workspace_id, source_id)) is None:
        raise NotFound(f"source {source_id} does not exist")
    return source


async def select_sources(connection: AsyncConnection, workspace_id: str, page: Page) -> tuple[list[Source], int]:
    """Up to `page.count` + 1 sources as `in_page` orders them, and how many there are in all."""
    where = sources.c.workspace_id == workspace_id
    chosen = in_page(select(sources.c.id).where(where), page, sources.c.created_at, sources.c.id)
    rows = (await connection.execute(_joined().where(where, sources.c.id.in_(chosen)))).all()
    total = (await connection.execute(select(func.count()).select_from(sources).where(where))).scalar_one()
    found = _grouped(rows)
    return found[::-1] if page.is_backward else found, total


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


async def update_source(connection: AsyncConnection, source: Source) -> None:
    values = {name: getattr(source, name) for name in ("version", "slug", "name", "enabled", "settings")}
    where = (sources.c.workspace_id == source.workspace_id, sources.c.id == source.id)
    await connection.execute(update(sources).where(*where).values(values))


async def delete_source(connection: AsyncConnection, workspace_id: str, source_id: str) -> None:
    for table, column in ((write_keys, write_keys.c.source_id), (sources, sources.c.id)):
        where = (table.c.workspace_id == workspace_id, column == source_id)
        await connection.execute(delete(table).where(*where))


def _joined() -> Select[Any]:
    query = select(sources, write_keys.c.write_key).outerjoin(write_keys, write_keys.c.source_id == sources.c.id)
    return query.order_by(sources.c.created_at, sources.c.id, write_keys.c.position)


def _grouped(rows: Any) -> list[Source]:
    found: dict[str, list[str]] = {}
    first: dict[str, Row[Any]] = {}
    for row in rows:
        first.setdefault(row.id, row)
        found.setdefault(row.id, []).extend([row.write_key] if row.write_key else [])
    return [
        Source(**{name: getattr(row, name) for name in _NAMES}, write_keys=tuple(found[identifier]))
        for identifier, row in first.items()
    ]


async def first_write_key(connection: AsyncConnection, workspace_id: str) -> str:
    """A write key of the oldest source; empty where there is none."""
    query = _joined().where(sources.c.workspace_id == workspace_id, write_keys.c.write_key.is_not(None)).limit(1)
    return next((source.write_keys[0] for source in _grouped((await connection.execute(query)).all())), "")
