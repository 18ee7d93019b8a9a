"""Queries on groups and their members."""

from collections.abc import Sequence
from typing import Any

import msgspec
from sqlalchemy import Select, delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from penstock.api.errors import NotFound
from penstock.api.pagination import Page, in_page
from penstock.api.policies import memberships
from penstock.resources.iam_groups.table import user_groups as groups


class Group(msgspec.Struct, frozen=True):
    """One row."""

    id: str
    workspace_id: str
    name: str
    created_at: int


async def require_group(connection: AsyncConnection, workspace_id: str, group_id: str) -> Group:
    """Raises NotFound."""
    where = (groups.c.workspace_id == workspace_id, groups.c.id == group_id)
    row = (await connection.execute(select(groups).where(*where))).one_or_none()
    if row is None:
        raise NotFound(f"user group {group_id} does not exist")
    return Group(*row)


async def select_groups(
    connection: AsyncConnection, workspace_id: str, page: Page, member: str = ""
) -> tuple[list[Group], int]:
    """Up to `page.count` + 1 groups as `in_page` orders them, and how many there are in all; with `member`, theirs."""
    where = [groups.c.workspace_id == workspace_id]
    if member:
        where.append(groups.c.id.in_(select(memberships.c.group_id).where(memberships.c.user_id == member)))
    rows = await connection.execute(in_page(select(groups).where(*where), page, groups.c.created_at, groups.c.id))
    total = (await connection.execute(select(func.count()).select_from(groups).where(*where))).scalar_one()
    return [Group(*row) for row in rows], total


async def count_groups(connection: AsyncConnection, workspace_id: str) -> int:
    query = select(func.count()).select_from(groups).where(groups.c.workspace_id == workspace_id)
    return (await connection.execute(query)).scalar_one()


async def count_members(connection: AsyncConnection, group_ids: Sequence[str]) -> dict[str, int]:
    """Of each group, invited ones counted."""
    query = select(memberships.c.group_id, func.count()).where(memberships.c.group_id.in_(group_ids))
    found = {row[0]: row[1] for row in await connection.execute(query.group_by(memberships.c.group_id))}
    return {group_id: found.get(group_id, 0) for group_id in group_ids}


def members_of(group_id: str) -> Select[Any]:
    """A query for the ids of its people."""
    return select(memberships.c.user_id).where(memberships.c.group_id == group_id)


async def select_members(connection: AsyncConnection, group_id: str) -> set[str]:
    return set((await connection.execute(members_of(group_id))).scalars())


async def insert_members(connection: AsyncConnection, group: Group, user_ids: Sequence[str]) -> None:
    rows = [{"group_id": group.id, "user_id": each, "workspace_id": group.workspace_id} for each in user_ids]
    if rows:
        await connection.execute(insert(memberships), rows)


async def delete_members(connection: AsyncConnection, group: Group, user_ids: Sequence[str]) -> None:
    where = (memberships.c.group_id == group.id, memberships.c.user_id.in_(user_ids))
    await connection.execute(delete(memberships).where(*where))


async def insert_group(connection: AsyncConnection, group: Group) -> None:
    await connection.execute(insert(groups).values(msgspec.structs.asdict(group)))


async def update_group(connection: AsyncConnection, group: Group) -> None:
    where = (groups.c.workspace_id == group.workspace_id, groups.c.id == group.id)
    await connection.execute(update(groups).where(*where).values(name=group.name))


async def delete_group(connection: AsyncConnection, group: Group) -> None:
    where = (groups.c.workspace_id == group.workspace_id, groups.c.id == group.id)
    await connection.execute(delete(groups).where(*where))
