"""Operations of the tag Tracking Plans, first part: the plans themselves."""

from typing import Any

import msgspec

from penstock.api.operation import Nothing, Request, operation, schemas
from penstock.api.pagination import answer_page
from penstock.api.permissions import Permission
from penstock.api.schema import DELETED, Deleted, Pagination
from penstock.kit.ids import resource_id
from penstock.resources.sources import require_source
from penstock.resources.sources import touch as touch_source
from penstock.resources.tracking_plans.repository import (
    Plan,
    delete_plan,
    insert_plan,
    select_plans,
    source_ids_of,
)
from penstock.resources.tracking_plans.schemas import (
    CreatePlan,
    CreatePlanSeed,
    ListPlans,
    PlanAnswer,
    PlansAnswer,
    UpdatePlan,
)
from penstock.resources.tracking_plans.service import (
    MODIFIED,
    RESOURCE,
    plan_of,
    publish,
    replace_rules,
    touch,
    view_of,
)
from penstock.spec.names import snakecase
from penstock.spec.snapshot import SnapshotKind

_PATH = "/tracking-plans"
_ONE_PATH = _PATH + "/{trackingPlanId}"
RULES_BODY_LIMIT = 16 << 20


@operation(
    "listTrackingPlans",
    "GET",
    _PATH,
    permission=Permission.TRACKING_PLAN_READ,
    body=schemas(ListPlans),
    answer=schemas(PlansAnswer),
    is_paged=True,
)
async def list_tracking_plans(request: Request[ListPlans]) -> dict[str, Any]:
    """The plans of the workspace, the oldest first; with `type`, those of one type."""
    unit = request.unit
    found, total = await select_plans(unit.connection, unit.workspace_id, request.body.type, request.page)
    shown, page = answer_page(request.page, found, total, lambda plan: (plan.created_at, plan.id))
    return {"tracking_plans": [view_of(plan) for plan in shown], "pagination": Pagination.of(page)}


@operation(
    "createTrackingPlan",
    "POST",
    _PATH,
    permission=Permission.TRACKING_PLAN_ADMIN,
    body=schemas(CreatePlan, seed=CreatePlanSeed),
    answer=schemas(PlanAnswer),
    audit=("Tracking Plan Created",),
    body_limit=RULES_BODY_LIMIT,
)
async def create_tracking_plan(request: Request[CreatePlan]) -> dict[str, Any]:
    """Make a plan. Its type cannot be changed."""
    unit, body = request.unit, request.body
    plan = Plan(
        id=f"tp_{resource_id()}",
        workspace_id=unit.workspace_id,
        slug=snakecase(body.name).replace("_", "-")[:255] or "tracking-plan",
        name=body.name,
        description=body.sent().get("description"),
        type=body.type,
        created_at=unit.now,
        updated_at=unit.now,
        version=1,
    )
    await insert_plan(unit.connection, plan)
    if isinstance(body, CreatePlanSeed):
        await replace_rules(unit, plan, list(body.rules))
    await publish(unit, plan)
    await unit.audit("Tracking Plan Created", RESOURCE, plan.id, plan.name)
    return {"tracking_plan": view_of(plan)}


@operation(
    "getTrackingPlan",
    "GET",
    _ONE_PATH,
    permission=Permission.TRACKING_PLAN_READ,
    answer=schemas(PlanAnswer),
)
async def get_tracking_plan(request: Request[Nothing]) -> dict[str, Any]:
    """One plan, without its rules."""
    return {"tracking_plan": view_of(await plan_of(request))}


@operation(
    "updateTrackingPlan",
    "PATCH",
    _ONE_PATH,
    permission=Permission.TRACKING_PLAN_ADMIN,
    body=schemas(UpdatePlan),
    answer=schemas(Deleted, seed=PlanAnswer),
    audit=(MODIFIED,),
)
async def update_tracking_plan(request: Request[UpdatePlan]) -> dict[str, Any]:
    """Change what is sent. The slug stays."""
    unit, plan = request.unit, await plan_of(request)
    changed = await touch(unit, msgspec.structs.replace(plan, **request.body.sent()))
    return {"tracking_plan": view_of(changed), **DELETED.model_dump()}


@operation(
    "deleteTrackingPlan",
    "DELETE",
    _ONE_PATH,
    permission=Permission.TRACKING_PLAN_ADMIN,
    answer=schemas(Deleted),
    audit=("Tracking Plan Deleted",),
)
async def delete_tracking_plan(request: Request[Nothing]) -> dict[str, Any]:
    """Delete a plan with its rules; its sources have none then."""
    unit, plan = request.unit, await plan_of(request)
    sources = list((await unit.connection.execute(source_ids_of(plan.id))).scalars())
    await delete_plan(unit.connection, plan)
    unit.bury(SnapshotKind.PLAN, plan.id, plan.version + 1)
    for source_id in sources:
        await touch_source(unit, await require_source(unit.connection, unit.workspace_id, source_id))
        await unit.react("plan_changed", source_id)
    await unit.audit("Tracking Plan Deleted", RESOURCE, plan.id, plan.name)
    return DELETED.model_dump()
