"""Policies: who has which role on what. A subject is a token, a person or a group of people; groups have members.

The tables stand here because every request is judged by them; the slices of people, groups and tokens write them.
"""

from collections.abc import Iterable, Sequence

import msgspec
from sqlalchemy import BigInteger, Column, Index, String, Table, Text, delete, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from penstock.infra.db import metadata
from penstock.kit.ids import resource_id

policies = Table(
    "policies",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("workspace_id", String(64), nullable=False),
    Column("subject_id", String(64), nullable=False),
    Column("role_id", String(64), nullable=False),
    # JSON text of what the role is given on, as it was sent: a list of {id, type, labels?}.
    Column("resources", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Index("ix_policies_subject_id", "subject_id"),
    Index("ix_policies_workspace_id", "workspace_id", "role_id"),
)
memberships = Table(
    "user_group_members",
    metadata,
    Column("group_id", String(64), primary_key=True),
    Column("user_id", String(64), primary_key=True),
    Column("workspace_id", String(64), nullable=False),
    Index("ix_user_group_members_user_id", "user_id"),
)


class Policy(msgspec.Struct, frozen=True):
    """One row."""

    id: str
    workspace_id: str
    subject_id: str
    role_id: str
    resources: str
    created_at: int

    @property
    def meaning(self) -> tuple[str, str]:
        return self.role_id, self.resources


async def select_policies(connection: AsyncConnection, subject_ids: Sequence[str]) -> dict[str, list[Policy]]:
    """Of each subject, the oldest first."""
    query = select(policies).where(policies.c.subject_id.in_(subject_ids))
    found: dict[str, list[Policy]] = {subject_id: [] for subject_id in subject_ids}
    for row in await connection.execute(query.order_by(policies.c.created_at, policies.c.id)):
        found[row.subject_id].append(Policy(*row))
    return found


async def select_policies_of_workspace(connection: AsyncConnection, workspace_id: str) -> list[Policy]:
    """All of them, for what looks through every one."""
    query = select(policies).where(policies.c.workspace_id == workspace_id)
    return [Policy(*row) for row in await connection.execute(query)]


async def select_policies_in_force(connection: AsyncConnection, token_id: str, user_id: str | None) -> list[Policy]:
    """Those of a token; where it is a person's, also those of the person and of the groups that have them."""
    subjects = policies.c.subject_id == token_id
    if user_id:
        groups = select(memberships.c.group_id).where(memberships.c.user_id == user_id)
        subjects = subjects | (policies.c.subject_id == user_id) | policies.c.subject_id.in_(groups)
    return [Policy(*row) for row in await connection.execute(select(policies).where(subjects))]


async def insert_policies(
    connection: AsyncConnection, workspace_id: str, subject_id: str, meanings: Iterable[tuple[str, str]], now: int
) -> list[Policy]:
    """`meanings` are pairs of a role's id and JSON text of its resources."""
    added = [
        Policy(resource_id(), workspace_id, subject_id, role_id, resources, now) for role_id, resources in meanings
    ]
    if added:
        await connection.execute(insert(policies), [msgspec.structs.asdict(policy) for policy in added])
    return added


async def delete_policies(connection: AsyncConnection, removed: Sequence[Policy]) -> None:
    if removed:
        await connection.execute(delete(policies).where(policies.c.id.in_([policy.id for policy in removed])))


async def forget_subjects(connection: AsyncConnection, subject_ids: Sequence[str]) -> set[str]:
    """With their policies and their memberships, on either side; returns the people who had some."""
    belongs = memberships.c.user_id.in_(subject_ids) | memberships.c.group_id.in_(subject_ids)
    members = set((await connection.execute(select(memberships.c.user_id).where(belongs))).scalars())
    await connection.execute(delete(policies).where(policies.c.subject_id.in_(subject_ids)))
    await connection.execute(delete(memberships).where(belongs))
    return members
