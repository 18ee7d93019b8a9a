"""What the API tells of tracked users: whole numbers as text, the month in seconds."""

from pydantic import Field

from penstock.api.schema import Answer, Pagination


class TrackedUsers(Answer):
    period_start: int
    period_end: int
    anonymous: str
    anonymous_identified: str
    identified: str
    never_identified: str
    timestamp: str


class TrackedUsersOfSource(TrackedUsers):
    source_id: str


class WorkspaceAnswer(Answer):
    usage: list[TrackedUsers] = Field(alias="dailyWorkspaceMTUUsage")
    pagination: Pagination


class PerSourceAnswer(Answer):
    usage: list[TrackedUsersOfSource] = Field(alias="dailyPerSourceMTUUsage")
    pagination: Pagination
