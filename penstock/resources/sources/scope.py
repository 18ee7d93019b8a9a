"""Which sources a permission reaches, in SQL: for lists and their totals, and for what belongs to a source."""

from sqlalchemy import ColumnElement, and_, exists, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from penstock.api.reach import Label, Reach
from penstock.resources.sources.table import source_labels, sources


def within(reach: Reach, source_id: ColumnElement[str]) -> list[ColumnElement[bool]]:
    """Conditions under which the column names a source within the reach: none where it is the whole workspace."""
    if reach.is_whole:
        return []
    ways = [and_(*(_has(source_id, label) for label in sorted(labels))) for labels in reach.label_sets]
    return [or_(source_id.in_(sorted(reach.ids)), *ways)]


def _has(source_id: ColumnElement[str], label: Label) -> ColumnElement[bool]:
    given, (key, value) = source_labels.alias(), label
    return exists().where(given.c.source_id == source_id, given.c.key == key, given.c.value == value)


async def is_source_within(connection: AsyncConnection, workspace_id: str, source_id: str, reach: Reach) -> bool:
    query = select(sources.c.id).where(
        sources.c.workspace_id == workspace_id, sources.c.id == source_id, *within(reach, sources.c.id)
    )
    return (await connection.execute(query)).first() is not None
