"""What the API tells of syncs."""

from penstock.api.schema import Answer, Pagination


class Notice(Answer):
    level: str
    message: str
    created_at: str


class Sync(Answer):
    source_id: str
    start: str
    end: str | None
    status: str
    duration: float
    human_duration: str
    count: int
    notices: list[Notice]


class SyncsAnswer(Answer):
    reports: list[Sync]
    pagination: Pagination
