"""Operations of the tag Tracking Plans, third part: the sources that a plan is for. A source has at most one plan."""

from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from penstock.api.errors import BadRequest, InputInvalid, NotFound
from penstock.api.operation import Nothing, Request, operation, schemas
from penstock.api.permissions import Permission
from penstock.api.schema import DELETED, Deleted
from penstock.api.scope import anywhere
from penstock.api.unit import Unit
from penstock.resources.sources import SourcesAnswer, find_source, sources_page, touch
from penstock.resources.tracking_plans.repository import connect, disconnect, get_plan_id, source_ids_of
from penstock.resources.tracking_plans.schemas import AddSource, RemoveSource
from penstock.resources.tracking_plans.service import plan_of

_PATH = "/tracking-plans/{trackingPlanId}/sources"
_ENFORCEABLE = frozenset({"LIVE", "ENGAGE"})


@operation(
    "listSourcesFromTrackingPlan",
    "GET",
    _PATH,
    permission=Permission.TRACKING_PLAN_READ,
    also=(anywhere(Permission.SOURCE_READ),),
    answer=schemas(SourcesAnswer),
    is_paged=True,
)
async def list_sources_from_tracking_plan(request: Request[Nothing]) -> dict[str, Any]:
    """The sources that the plan is for and that the token may read, the oldest first."""
    return await sources_page(request, among=source_ids_of((await plan_of(request)).id))


@operation(
    "addSourceToTrackingPlan",
    "POST",
    _PATH,
    permission=Permission.TRACKING_PLAN_ADMIN,
    also=(Permission.SOURCE_ADMIN,),
    body=schemas(AddSource),
    answer=schemas(Deleted),
    audit=("Source Modified",),
)
async def add_source_to_tracking_plan(request: Request[AddSource]) -> dict[str, Any]:
    """Make the plan that of a source. To do so again changes nothing; a source with another plan is refused (400)."""
    unit, plan = request.unit, await plan_of(request)
    source = await find_source(unit.connection, unit.workspace_id, request.body.source_id)
    if source is None:
        raise InputInvalid(f'"sourceId" {request.body.source_id} does not exist', field="sourceId")
    if plan.type not in _ENFORCEABLE:
        raise BadRequest(f"a tracking plan of the type {plan.type} is for no source")
    present = await get_plan_id(unit.connection, unit.workspace_id, source.id)
    if present is None:
        await connect(unit.connection, plan, source.id)
        await touch(unit, source)
        await unit.react("plan_changed", source.id)
        await unit.audit("Source Modified", "SOURCE", source.id, source.slug)
    elif present != plan.id:
        raise BadRequest(f"source {source.id} has the tracking plan {present}", field="sourceId")
    return DELETED.model_dump()


@operation(
    "removeSourceFromTrackingPlan",
    "DELETE",
    _PATH,
    permission=Permission.TRACKING_PLAN_ADMIN,
    also=(Permission.SOURCE_ADMIN,),
    body=schemas(RemoveSource),
    answer=schemas(Deleted),
    audit=("Source Modified",),
)
async def remove_source_from_tracking_plan(request: Request[RemoveSource]) -> dict[str, Any]:
    """Leave a source without a plan."""
    unit, plan, source_id = request.unit, await plan_of(request), request.body.source_id
    source = await find_source(unit.connection, unit.workspace_id, source_id)
    if source is None or await get_plan_id(unit.connection, unit.workspace_id, source.id) != plan.id:
        raise NotFound(f"source {source_id} does not have the tracking plan {plan.id}")
    await disconnect(unit.connection, unit.workspace_id, source.id)
    await touch(unit, source)
    await unit.react("plan_changed", source.id)
    await unit.audit("Source Modified", "SOURCE", source.id, source.slug)
    return DELETED.model_dump()


async def disconnect_source(unit: Unit, source_id: str) -> None:
    """What happens here when a source is deleted."""
    await disconnect(unit.connection, unit.workspace_id, source_id)


async def select_plan_ids_of_source(connection: AsyncConnection, workspace_id: str, source_id: str) -> list[str]:
    """None or one."""
    found = await get_plan_id(connection, workspace_id, source_id)
    return [found] if found else []
