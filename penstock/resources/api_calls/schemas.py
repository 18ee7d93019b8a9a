"""What the API tells of calls: whole numbers as text."""

from pydantic import Field

from penstock.api.schema import Answer, Pagination


class ApiCalls(Answer):
    api_calls: str
    timestamp: str


class ApiCallsOfSource(ApiCalls):
    source_id: str


class WorkspaceAnswer(Answer):
    usage: list[ApiCalls] = Field(alias="dailyWorkspaceAPICallsUsage")
    pagination: Pagination


class PerSourceAnswer(Answer):
    usage: list[ApiCallsOfSource] = Field(alias="dailyPerSourceAPICallsUsage")
    pagination: Pagination
