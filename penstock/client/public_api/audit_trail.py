"""Audit Trail: Who has changed what.

Written by `make docs`; edits here are lost.
"""

from typing import NotRequired, TypedDict

from penstock.client.asking import Ask
from penstock.client.public_api.shared import Pagination


class AuditEvent(TypedDict):
    id: str
    timestamp: str
    type: str
    actor: str
    actorEmail: NotRequired[str]
    resourceId: str
    resourceType: str
    resourceName: str


class AuditEventsAnswer(TypedDict):
    events: list[AuditEvent]
    pagination: Pagination


class AuditTrailApi:
    """Who has changed what."""

    def __init__(self, ask: Ask) -> None:
        self._ask = ask

    def list_audit_events(
        self,
        *,
        start_time: str | None = None,
        end_time: str | None = None,
        resource_id: str | None = None,
        resource_type: str | None = None,
        count: int | None = None,
        cursor: str | None = None,
    ) -> AuditEventsAnswer:
        """What was changed, by whom, the newest first: from `startTime` on, up to before `endTime`.

        Pages follow the time: what is recorded meanwhile neither repeats nor moves what is on the next page.
        """
        answer: AuditEventsAnswer = self._ask(
            "GET",
            "/audit-events",
            query={
                "startTime": start_time,
                "endTime": end_time,
                "resourceId": resource_id,
                "resourceType": resource_type,
                "pagination[count]": count,
                "pagination[cursor]": cursor,
            },
        )
        return answer
