"""Queries on workspaces."""

from typing import Any

from sqlalchemy import Row, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from penstock.resources.workspaces.table import workspaces


async def get_workspace_row(connection: AsyncConnection, workspace_id: str) -> Row[Any] | None:
    return (await connection.execute(select(workspaces).where(workspaces.c.id == workspace_id))).one_or_none()


async def get_first_workspace_id(connection: AsyncConnection) -> str | None:
    query = select(workspaces.c.id).order_by(workspaces.c.created_at, workspaces.c.id).limit(1)
    return (await connection.execute(query)).scalar_one_or_none()


async def insert_workspace(connection: AsyncConnection, values: dict[str, Any]) -> None:
    await connection.execute(insert(workspaces).values(values))
