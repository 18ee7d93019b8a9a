"""Queries on workspaces."""

from typing import Any

from sqlalchemy import Row, func, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from penstock.api.pagination import Page, in_page
from penstock.resources.workspaces.table import workspaces


async def get_workspace_row(connection: AsyncConnection, workspace_id: str) -> Row[Any] | None:
    return (await connection.execute(select(workspaces).where(workspaces.c.id == workspace_id))).one_or_none()


async def workspace_name(connection: AsyncConnection, workspace_id: str) -> str:
    """Empty where there is no such workspace."""
    found = await connection.execute(select(workspaces.c.name).where(workspaces.c.id == workspace_id))
    return found.scalar_one_or_none() or ""


async def select_workspace_names(connection: AsyncConnection) -> dict[str, str]:
    """Of all, by id."""
    return {row.id: row.name for row in await connection.execute(select(workspaces.c.id, workspaces.c.name))}


async def select_workspaces(connection: AsyncConnection, page: Page) -> tuple[list[Row[Any]], int]:
    """Up to `page.count` + 1 workspaces of the installation as `in_page` orders them, and how many there are."""
    rows = await connection.execute(in_page(select(workspaces), page, workspaces.c.created_at, workspaces.c.id))
    return list(rows), (await connection.execute(select(func.count()).select_from(workspaces))).scalar_one()


async def is_slug_taken(connection: AsyncConnection, slug: str) -> bool:
    return (await connection.execute(select(workspaces.c.id).where(workspaces.c.slug == slug))).first() is not None


async def get_first_workspace_id(connection: AsyncConnection) -> str | None:
    query = select(workspaces.c.id).order_by(workspaces.c.created_at, workspaces.c.id).limit(1)
    return (await connection.execute(query)).scalar_one_or_none()


async def insert_workspace(connection: AsyncConnection, values: dict[str, Any]) -> None:
    await connection.execute(insert(workspaces).values(values))
