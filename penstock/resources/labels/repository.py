"""Queries on labels."""

import msgspec
from sqlalchemy import delete, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from penstock.resources.labels.table import labels


class Label(msgspec.Struct, frozen=True):
    """One row."""

    workspace_id: str
    key: str
    value: str
    description: str | None
    created_at: int


async def select_labels(connection: AsyncConnection, workspace_id: str) -> list[Label]:
    """All of a workspace, the oldest first: at most LABEL_LIMIT."""
    query = select(labels).where(labels.c.workspace_id == workspace_id)
    rows = await connection.execute(query.order_by(labels.c.created_at, labels.c.key, labels.c.value))
    return [Label(*row) for row in rows]


async def insert_labels(connection: AsyncConnection, added: list[Label]) -> None:
    await connection.execute(insert(labels), [msgspec.structs.asdict(each) for each in added])


async def delete_label(connection: AsyncConnection, label: Label) -> None:
    where = (labels.c.workspace_id == label.workspace_id, labels.c.key == label.key, labels.c.value == label.value)
    await connection.execute(delete(labels).where(*where))
