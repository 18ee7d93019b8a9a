"""Operations of the tag API Calls."""

from typing import Any

from penstock.api.operation import Request, operation, schemas
from penstock.api.pagination import page_of
from penstock.api.permissions import Permission
from penstock.api.schema import Pagination
from penstock.resources.api_calls.schemas import ApiCalls, ApiCallsOfSource, PerSourceAnswer, WorkspaceAnswer
from penstock.resources.usage import (
    UsageOfDay,
    UsageQuery,
    of_sources,
    of_workspace,
    period_of,
    select_usage,
    text_of,
)


class Calls:
    """Of one source or of all."""

    def __init__(self) -> None:
        self._calls = 0

    def add(self, used: UsageOfDay) -> None:
        self._calls += used.calls

    def value(self) -> int:
        return self._calls


@operation(
    "getDailyWorkspaceAPICallsUsage",
    "GET",
    "/usage/api-calls/daily",
    permission=Permission.USAGE_READ,
    body=schemas(UsageQuery),
    answer=schemas(WorkspaceAnswer),
    is_paged=True,
    is_in_seed=False,
)
async def get_daily_workspace_api_calls_usage(request: Request[UsageQuery]) -> dict[str, Any]:
    """How many events the workspace has sent since the month began, by the end of each of its days.

    `period` is the first day of the month. Each event of a batch counts; replays do not, nor what a source blocks.
    """
    unit = request.unit
    period = period_of(request.body.period, unit.now)
    found = await select_usage(unit.connection, unit.workspace_id, period.first, period.last)
    shown, page = page_of(of_workspace(period, found, Calls()), request.page, lambda row: (row[0], ""))
    told = [ApiCalls(api_calls=str(calls), timestamp=text_of(day)) for day, calls in shown]
    return {"usage": told, "pagination": Pagination.of(page)}


@operation(
    "getDailyPerSourceAPICallsUsage",
    "GET",
    "/usage/api-calls/sources/daily",
    permission=Permission.USAGE_READ,
    body=schemas(UsageQuery),
    answer=schemas(PerSourceAnswer),
    is_paged=True,
    is_in_seed=False,
)
async def get_daily_per_source_api_calls_usage(request: Request[UsageQuery]) -> dict[str, Any]:
    """As for the workspace, by source: of each from the first day on which it sent anything."""
    unit = request.unit
    period = period_of(request.body.period, unit.now)
    found = await select_usage(unit.connection, unit.workspace_id, period.first, period.last)
    shown, page = page_of(of_sources(period, found, Calls), request.page, lambda row: row[:2])
    told = [
        ApiCallsOfSource(source_id=source_id, api_calls=str(calls), timestamp=text_of(day))
        for day, source_id, calls in shown
    ]
    return {"usage": told, "pagination": Pagination.of(page)}
