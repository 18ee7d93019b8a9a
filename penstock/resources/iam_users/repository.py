"""Queries on people."""

from collections.abc import Sequence
from typing import Any

import msgspec
from sqlalchemy import Select, delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from penstock.api.errors import NotFound
from penstock.api.pagination import Page, in_page
from penstock.api.policies import memberships, policies
from penstock.api.roles import OWNER_ID
from penstock.resources.iam_users.table import users


class Person(msgspec.Struct, frozen=True):
    """One row."""

    id: str
    workspace_id: str
    email: str
    email_key: str
    name: str
    created_at: int
    joined_at: int | None

    @property
    def has_joined(self) -> bool:
        return self.joined_at is not None


def email_key(email: str) -> str:
    """How addresses are compared: nobody has two that differ in case alone."""
    return email.casefold()


async def require_user(connection: AsyncConnection, workspace_id: str, user_id: str) -> Person:
    """One who has joined. Raises NotFound."""
    found = await select_people(connection, workspace_id, [user_id])
    if not found or not found[0].has_joined:
        raise NotFound(f"user {user_id} does not exist")
    return found[0]


async def select_people(connection: AsyncConnection, workspace_id: str, ids: Sequence[str]) -> list[Person]:
    query = select(users).where(users.c.workspace_id == workspace_id, users.c.id.in_(ids))
    return [Person(*row) for row in await connection.execute(query)]


async def select_people_by_email(
    connection: AsyncConnection, workspace_id: str, emails: Sequence[str]
) -> dict[str, Person]:
    """By how their addresses are compared."""
    keys = {email_key(email) for email in emails}
    query = select(users).where(users.c.workspace_id == workspace_id, users.c.email_key.in_(keys))
    return {row.email_key: Person(*row) for row in await connection.execute(query)}


async def select_people_page(
    connection: AsyncConnection, workspace_id: str, page: Page, *, joined: bool, among: Select[Any] | None = None
) -> tuple[list[Person], int]:
    """Up to `page.count` + 1 of those who have joined, or of the others, and how many there are in all.

    With `among` only those whose ids it finds.
    """
    where = [users.c.workspace_id == workspace_id, users.c.joined_at.is_not(None) == joined]
    if among is not None:
        where.append(users.c.id.in_(among))
    rows = await connection.execute(in_page(select(users).where(*where), page, users.c.created_at, users.c.id))
    total = (await connection.execute(select(func.count()).select_from(users).where(*where))).scalar_one()
    return [Person(*row) for row in rows], total


async def count_people(connection: AsyncConnection, workspace_id: str) -> int:
    query = select(func.count()).select_from(users).where(users.c.workspace_id == workspace_id)
    return (await connection.execute(query)).scalar_one()


async def insert_person(connection: AsyncConnection, person: Person) -> None:
    await connection.execute(insert(users).values(msgspec.structs.asdict(person)))


async def update_person(connection: AsyncConnection, person: Person) -> None:
    where = (users.c.workspace_id == person.workspace_id, users.c.id == person.id)
    await connection.execute(update(users).where(*where).values(msgspec.structs.asdict(person)))


async def delete_people(connection: AsyncConnection, workspace_id: str, ids: Sequence[str]) -> None:
    await connection.execute(delete(users).where(users.c.workspace_id == workspace_id, users.c.id.in_(ids)))


async def count_owners(connection: AsyncConnection, workspace_id: str) -> int:
    """People who have joined and own the workspace, by themselves or by a group."""
    owning = select(policies.c.subject_id).where(
        policies.c.workspace_id == workspace_id, policies.c.role_id == OWNER_ID
    )
    members = select(memberships.c.user_id).where(memberships.c.group_id.in_(owning))
    where = (users.c.workspace_id == workspace_id, users.c.joined_at.is_not(None))
    query = select(func.count()).select_from(users).where(*where, users.c.id.in_(owning) | users.c.id.in_(members))
    return (await connection.execute(query)).scalar_one()
