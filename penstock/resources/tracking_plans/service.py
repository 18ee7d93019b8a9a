"""What the operations on tracking plans share."""

from typing import Any

import msgspec

from penstock.api.operation import Request
from penstock.api.unit import Unit
from penstock.kit.ids import resource_id
from penstock.kit.time import format_iso
from penstock.resources.tracking_plans import schemas
from penstock.resources.tracking_plans.admission import admitted, identity_of
from penstock.resources.tracking_plans.repository import (
    Plan,
    Rule,
    delete_rules,
    insert_rules,
    require_plan,
    select_rules,
    update_plan,
)
from penstock.resources.tracking_plans.snapshot import snapshot_of
from penstock.spec.plans import plan_id, spoken
from penstock.spec.snapshot import SnapshotKind

RESOURCE = "TRACKING_PLAN"
MODIFIED = "Tracking Plan Modified"
_NOT_DEPRECATED = "0001-01-01T00:00:00.000Z"


async def plan_of(request: Request[Any]) -> Plan:
    """By either of its ids. Raises NotFound."""
    unit = request.unit
    return await require_plan(unit.connection, unit.workspace_id, plan_id(request.path["trackingPlanId"]))


async def touch(unit: Unit, plan: Plan) -> Plan:
    """Write the plan with its next version, and tell the data plane of it and of its rules."""
    changed = msgspec.structs.replace(plan, updated_at=unit.now, version=plan.version + 1)
    await update_plan(unit.connection, changed)
    await publish(unit, changed)
    await unit.audit(MODIFIED, RESOURCE, plan.id, changed.name)
    return changed


async def publish(unit: Unit, plan: Plan) -> None:
    rules = await select_rules(unit.connection, plan.id)
    unit.publish(SnapshotKind.PLAN, snapshot_of(plan, rules.values()))


async def replace_rules(unit: Unit, plan: Plan, sent: list[schemas.RuleInput]) -> None:
    """The plan has these rules and no others; those that it had keep the time of their making. Raises InputInvalid."""
    found = admitted(sent)
    standing = await select_rules(unit.connection, plan.id)
    await delete_rules(unit.connection, list(standing.values()))
    rules = []
    for position, (rule, schema) in enumerate(found):
        before = standing.get(identity_of(rule))
        rules.append(new_rule(unit, plan, position, rule, schema, before))
    await insert_rules(unit.connection, rules)


def new_rule(
    unit: Unit, plan: Plan, position: int, sent: schemas.RuleInput, schema: str, before: Rule | None = None
) -> Rule:
    """As it is stored from now on, in the place of `before`."""
    return Rule(
        id=before.id if before else resource_id(),
        plan_id=plan.id,
        position=position,
        type=sent.type,
        key=sent.key,
        version=float(sent.version),
        json_schema=schema,
        created_at=before.created_at if before else unit.now,
        updated_at=unit.now,
    )


def view_of(plan: Plan) -> schemas.Plan:
    values: dict[str, Any] = {} if plan.description is None else {"description": plan.description}
    return schemas.Plan(
        **values,
        id=plan.id,
        name=plan.name,
        slug=plan.slug,
        type=plan.type,
        created_at=format_iso(plan.created_at),
        updated_at=format_iso(plan.updated_at),
    )


def rule_view(rule: Rule) -> schemas.Rule:
    values: dict[str, Any] = {"key": rule.key} if rule.key else {}
    return schemas.Rule(
        **values,
        type=rule.type,
        json_schema=msgspec.json.decode(rule.json_schema),
        version=spoken(rule.version),
        created_at=format_iso(rule.created_at),
        updated_at=format_iso(rule.updated_at),
        deprecated_at=_NOT_DEPRECATED,
    )
