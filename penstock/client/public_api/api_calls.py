"""API Calls: How many events a workspace and its sources have sent, by day of a month.

Written by `make docs`; edits here are lost.
"""

from typing import TypedDict

from penstock.client.asking import Ask
from penstock.client.public_api.shared import Pagination


class ApiCalls(TypedDict):
    apiCalls: str
    timestamp: str


class ApiCallsWorkspaceAnswer(TypedDict):
    dailyWorkspaceAPICallsUsage: list[ApiCalls]
    pagination: Pagination


class ApiCallsOfSource(TypedDict):
    apiCalls: str
    timestamp: str
    sourceId: str


class ApiCallsPerSourceAnswer(TypedDict):
    dailyPerSourceAPICallsUsage: list[ApiCallsOfSource]
    pagination: Pagination


class ApiCallsApi:
    """How many events a workspace and its sources have sent, by day of a month."""

    def __init__(self, ask: Ask) -> None:
        self._ask = ask

    def get_daily_workspace_api_calls_usage(
        self, *, period: str, count: int | None = None, cursor: str | None = None
    ) -> ApiCallsWorkspaceAnswer:
        """How many events the workspace has sent since the month began, by the end of each of its days.

        `period` is the first day of the month. Each event of a batch counts; replays do not, nor what a source
        blocks.
        """
        answer: ApiCallsWorkspaceAnswer = self._ask(
            "GET",
            "/usage/api-calls/daily",
            query={"period": period, "pagination[count]": count, "pagination[cursor]": cursor},
        )
        return answer

    def get_daily_per_source_api_calls_usage(
        self, *, period: str, count: int | None = None, cursor: str | None = None
    ) -> ApiCallsPerSourceAnswer:
        """As for the workspace, by source: of each from the first day on which it sent anything."""
        answer: ApiCallsPerSourceAnswer = self._ask(
            "GET",
            "/usage/api-calls/sources/daily",
            query={"period": period, "pagination[count]": count, "pagination[cursor]": cursor},
        )
        return answer
