"""Monthly Tracked Users: How many different people a workspace and its sources have seen, by day of a month.

Written by `make docs`; edits here are lost.
"""

from typing import TypedDict

from penstock.client.asking import Ask
from penstock.client.public_api.shared import Pagination


class TrackedUsers(TypedDict):
    periodStart: int
    periodEnd: int
    anonymous: str
    anonymousIdentified: str
    identified: str
    neverIdentified: str
    timestamp: str


class MonthlyTrackedUsersWorkspaceAnswer(TypedDict):
    dailyWorkspaceMTUUsage: list[TrackedUsers]
    pagination: Pagination


class TrackedUsersOfSource(TypedDict):
    periodStart: int
    periodEnd: int
    anonymous: str
    anonymousIdentified: str
    identified: str
    neverIdentified: str
    timestamp: str
    sourceId: str


class MonthlyTrackedUsersPerSourceAnswer(TypedDict):
    dailyPerSourceMTUUsage: list[TrackedUsersOfSource]
    pagination: Pagination


class MonthlyTrackedUsersApi:
    """How many different people a workspace and its sources have seen, by day of a month."""

    def __init__(self, ask: Ask) -> None:
        self._ask = ask

    def get_daily_workspace_mtu_usage(
        self, *, period: str, count: int | None = None, cursor: str | None = None
    ) -> MonthlyTrackedUsersWorkspaceAnswer:
        """How many different people the workspace has seen since the month began, by the end of each of its days.

        `period` is the first day of the month. `identified` counts user ids, `neverIdentified` anonymous ids that
        never came with a user id; together they are the tracked users. Replays do not count, nor what a source
        blocks.
        """
        answer: MonthlyTrackedUsersWorkspaceAnswer = self._ask(
            "GET",
            "/usage/mtu/daily",
            query={"period": period, "pagination[count]": count, "pagination[cursor]": cursor},
        )
        return answer

    def get_daily_per_source_mtu_usage(
        self, *, period: str, count: int | None = None, cursor: str | None = None
    ) -> MonthlyTrackedUsersPerSourceAnswer:
        """As for the workspace, by source: of each from the first day on which it sent anything."""
        answer: MonthlyTrackedUsersPerSourceAnswer = self._ask(
            "GET",
            "/usage/mtu/sources/daily",
            query={"period": period, "pagination[count]": count, "pagination[cursor]": cursor},
        )
        return answer
