"""What the data plane is told of tracking plans. A source tells in its own snapshot which one it has."""

from collections.abc import Iterable

from sqlalchemy.ext.asyncio import AsyncConnection

from penstock.resources.tracking_plans.repository import Plan, Rule, select_all_plans, select_all_rules
from penstock.spec.snapshot import PlanSnapshot, RuleSnapshot, Snapshot, SnapshotKind


def snapshot_of(plan: Plan, rules: Iterable[Rule]) -> PlanSnapshot:
    told = [RuleSnapshot(rule.type, rule.key, rule.version, rule.json_schema.encode()) for rule in rules]
    return PlanSnapshot(plan.id, plan.workspace_id, plan.version, plan.name, told)


async def select_snapshots(connection: AsyncConnection) -> Iterable[tuple[SnapshotKind, Snapshot]]:
    found = await select_all_rules(connection)
    return [
        (SnapshotKind.PLAN, snapshot_of(plan, found.get(plan.id, ()))) for plan in await select_all_plans(connection)
    ]
