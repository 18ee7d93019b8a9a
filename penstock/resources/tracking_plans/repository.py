"""Queries on tracking plans, their rules and their sources."""

from collections.abc import Sequence
from typing import Any

import msgspec
from sqlalchemy import Select, bindparam, delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from penstock.api.errors import NotFound
from penstock.api.pagination import Page, in_page
from penstock.resources.tracking_plans.table import tracking_plan_rules as rules
from penstock.resources.tracking_plans.table import tracking_plan_sources as plan_sources
from penstock.resources.tracking_plans.table import tracking_plans as plans


class Plan(msgspec.Struct, frozen=True):
    """One row."""

    id: str
    workspace_id: str
    slug: str
    name: str
    description: str | None
    type: str
    created_at: int
    updated_at: int
    version: int


Identity = tuple[str, str, float]


class Rule(msgspec.Struct, frozen=True):
    """One row."""

    id: str
    plan_id: str
    position: int
    type: str
    key: str
    version: float
    json_schema: str
    created_at: int
    updated_at: int

    @property
    def identity(self) -> Identity:
        return self.type, self.key, self.version


async def require_plan(connection: AsyncConnection, workspace_id: str, plan_id: str) -> Plan:
    """Raises NotFound."""
    where = (plans.c.workspace_id == workspace_id, plans.c.id == plan_id)
    row = (await connection.execute(select(plans).where(*where))).one_or_none()
    if row is None:
        raise NotFound(f"tracking plan {plan_id} does not exist")
    return Plan(*row)


async def select_plans(
    connection: AsyncConnection, workspace_id: str, type_: str | None, page: Page
) -> tuple[list[Plan], int]:
    """Up to `page.count` + 1 plans as `in_page` orders them, and how many there are in all."""
    where = [plans.c.workspace_id == workspace_id]
    if type_ is not None:
        where.append(plans.c.type == type_)
    rows = await connection.execute(in_page(select(plans).where(*where), page, plans.c.created_at, plans.c.id))
    total = (await connection.execute(select(func.count()).select_from(plans).where(*where))).scalar_one()
    return [Plan(*row) for row in rows], total


async def insert_plan(connection: AsyncConnection, plan: Plan) -> None:
    await connection.execute(insert(plans).values(msgspec.structs.asdict(plan)))


async def update_plan(connection: AsyncConnection, plan: Plan) -> None:
    where = (plans.c.workspace_id == plan.workspace_id, plans.c.id == plan.id)
    await connection.execute(update(plans).where(*where).values(msgspec.structs.asdict(plan)))


async def delete_plan(connection: AsyncConnection, plan: Plan) -> None:
    """With its rules and its connections."""
    await connection.execute(delete(plan_sources).where(plan_sources.c.plan_id == plan.id))
    await connection.execute(delete(rules).where(rules.c.plan_id == plan.id))
    await connection.execute(delete(plans).where(plans.c.id == plan.id))


async def select_rules_page(connection: AsyncConnection, plan_id: str, page: Page) -> tuple[list[Rule], int]:
    """Up to `page.count` + 1 rules in their order, and how many there are in all."""
    query = in_page(select(rules).where(rules.c.plan_id == plan_id), page, rules.c.position, rules.c.id)
    total = select(func.count()).select_from(rules).where(rules.c.plan_id == plan_id)
    found = [Rule(*row) for row in await connection.execute(query)]
    return found, (await connection.execute(total)).scalar_one()


async def select_rules(connection: AsyncConnection, plan_id: str) -> dict[Identity, Rule]:
    """All of a plan, in their order."""
    query = select(rules).where(rules.c.plan_id == plan_id).order_by(rules.c.position, rules.c.id)
    found = [Rule(*row) for row in await connection.execute(query)]
    return {rule.identity: rule for rule in found}


async def select_all_plans(connection: AsyncConnection) -> list[Plan]:
    """Of all workspaces, for repairing what is published."""
    return [Plan(*row) for row in await connection.execute(select(plans))]


async def select_all_rules(connection: AsyncConnection) -> dict[str, list[Rule]]:
    """Of all plans, by plan, in their order."""
    found: dict[str, list[Rule]] = {}
    for row in await connection.execute(select(rules).order_by(rules.c.plan_id, rules.c.position, rules.c.id)):
        rule = Rule(*row)
        found.setdefault(rule.plan_id, []).append(rule)
    return found


async def select_all_plan_ids(connection: AsyncConnection) -> dict[str, str]:
    """The plans of all sources, by source."""
    rows = await connection.execute(select(plan_sources.c.source_id, plan_sources.c.plan_id))
    return {row.source_id: row.plan_id for row in rows}


async def delete_rules(connection: AsyncConnection, removed: Sequence[Rule]) -> None:
    for first in range(0, len(removed), 500):
        ids = [rule.id for rule in removed[first : first + 500]]
        await connection.execute(delete(rules).where(rules.c.id.in_(ids)))


async def insert_rules(connection: AsyncConnection, added: Sequence[Rule]) -> None:
    if added:
        await connection.execute(insert(rules), [msgspec.structs.asdict(rule) for rule in added])


_PLAN_OF = select(plan_sources.c.plan_id).where(
    plan_sources.c.workspace_id == bindparam("workspace"), plan_sources.c.source_id == bindparam("source")
)


async def get_plan_id(connection: AsyncConnection, workspace_id: str, source_id: str) -> str | None:
    """The plan of a source."""
    named = {"workspace": workspace_id, "source": source_id}
    return (await connection.execute(_PLAN_OF, named)).scalar_one_or_none()


def source_ids_of(plan_id: str) -> Select[Any]:
    return select(plan_sources.c.source_id).where(plan_sources.c.plan_id == plan_id)


async def connect(connection: AsyncConnection, plan: Plan, source_id: str) -> None:
    row = {"source_id": source_id, "workspace_id": plan.workspace_id, "plan_id": plan.id}
    await connection.execute(insert(plan_sources).values(row))


async def disconnect(connection: AsyncConnection, workspace_id: str, source_id: str) -> None:
    where = (plan_sources.c.workspace_id == workspace_id, plan_sources.c.source_id == source_id)
    await connection.execute(delete(plan_sources).where(*where))
