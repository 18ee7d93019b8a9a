"""Operations of the tag Monthly Tracked Users. Large sketches are merged beside the event loop: it takes a while."""

import asyncio
from typing import Any

from penstock.api.operation import Request, operation, schemas
from penstock.api.pagination import page_of
from penstock.api.permissions import Permission
from penstock.api.schema import Pagination
from penstock.resources.monthly_tracked_users.schemas import (
    PerSourceAnswer,
    TrackedUsers,
    TrackedUsersOfSource,
    WorkspaceAnswer,
)
from penstock.resources.monthly_tracked_users.tracked import Tracked, TrackedSum
from penstock.resources.usage import (
    Period,
    UsageQuery,
    of_sources,
    of_workspace,
    period_of,
    seconds_of,
    select_usage,
    text_of,
)


def _told(period: Period, day: int, tracked: Tracked) -> dict[str, Any]:
    return {
        "period_start": seconds_of(period.first),
        "period_end": seconds_of(period.following),
        "anonymous": str(tracked.anonymous),
        "anonymous_identified": str(tracked.anonymous_identified),
        "identified": str(tracked.identified),
        "never_identified": str(tracked.never_identified),
        "timestamp": text_of(day),
    }


@operation(
    "getDailyWorkspaceMTUUsage",
    "GET",
    "/usage/mtu/daily",
    permission=Permission.USAGE_READ,
    body=schemas(UsageQuery),
    answer=schemas(WorkspaceAnswer),
    is_paged=True,
    is_in_seed=False,
)
async def get_daily_workspace_mtu_usage(request: Request[UsageQuery]) -> dict[str, Any]:
    """How many different people the workspace has seen since the month began, by the end of each of its days.

    `period` is the first day of the month. `identified` counts user ids, `neverIdentified` anonymous ids that never
    came with a user id; together they are the tracked users. Replays do not count, nor what a source blocks.
    """
    unit = request.unit
    period = period_of(request.body.period, unit.now)
    found = await select_usage(unit.connection, unit.workspace_id, period.first, period.last)
    rows = await asyncio.to_thread(of_workspace, period, found, TrackedSum())
    shown, page = page_of(rows, request.page, lambda row: (row[0], ""))
    told = [TrackedUsers(**_told(period, day, tracked)) for day, tracked in shown]
    return {"usage": told, "pagination": Pagination.of(page)}


@operation(
    "getDailyPerSourceMTUUsage",
    "GET",
    "/usage/mtu/sources/daily",
    permission=Permission.USAGE_READ,
    body=schemas(UsageQuery),
    answer=schemas(PerSourceAnswer),
    is_paged=True,
    is_in_seed=False,
)
async def get_daily_per_source_mtu_usage(request: Request[UsageQuery]) -> dict[str, Any]:
    """As for the workspace, by source: of each from the first day on which it sent anything."""
    unit = request.unit
    period = period_of(request.body.period, unit.now)
    found = await select_usage(unit.connection, unit.workspace_id, period.first, period.last)
    rows = await asyncio.to_thread(of_sources, period, found, TrackedSum)
    shown, page = page_of(rows, request.page, lambda row: row[:2])
    told = [
        TrackedUsersOfSource(source_id=source_id, **_told(period, day, tracked)) for day, source_id, tracked in shown
    ]
    return {"usage": told, "pagination": Pagination.of(page)}
