"""What the API takes and tells of the audit trail."""

from typing import Annotated

from pydantic import Field

from penstock.api.schema import Answer, Input, Pagination

Moment = Annotated[str, Field(max_length=64)]
Word = Annotated[str, Field(max_length=255)]


class ListAuditEvents(Input):
    start_time: Moment = ""
    end_time: Moment = ""
    resource_id: Word = ""
    resource_type: Word = ""


class AuditEvent(Answer):
    id: str
    timestamp: str
    type: str
    actor: str
    actor_email: str = ""
    resource_id: str
    resource_type: str
    resource_name: str


class AuditEventsAnswer(Answer):
    events: list[AuditEvent]
    pagination: Pagination
