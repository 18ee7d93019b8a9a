"""Operations of the tag Audit Trail."""

from typing import Any

from penstock.api.errors import InputInvalid
from penstock.api.operation import Request, operation, schemas
from penstock.api.pagination import answer_page
from penstock.api.permissions import Permission
from penstock.api.schema import Pagination
from penstock.kit.time import format_iso, parse_iso
from penstock.resources.audit_trail.repository import Recorded, Wanted, select_events
from penstock.resources.audit_trail.schemas import AuditEvent, AuditEventsAnswer, ListAuditEvents


@operation(
    "listAuditEvents",
    "GET",
    "/audit-events",
    permission=Permission.AUDIT_READ,
    body=schemas(ListAuditEvents),
    answer=schemas(AuditEventsAnswer),
    is_paged=True,
)
async def list_audit_events(request: Request[ListAuditEvents]) -> dict[str, Any]:
    """What was changed, by whom, the newest first: from `startTime` on, up to before `endTime`.

    Pages follow the time: what is recorded meanwhile neither repeats nor moves what is on the next page.
    """
    unit, body = request.unit, request.body
    wanted = Wanted(
        _moment(body.start_time, "startTime"), _moment(body.end_time, "endTime"), body.resource_id, body.resource_type
    )
    found, total = await select_events(unit.connection, unit.workspace_id, wanted, request.page)
    shown, page = answer_page(request.page, found, total, lambda each: (each.timestamp, each.id))
    return {"events": [_view(each) for each in shown], "pagination": Pagination.of(page)}


def _moment(text: str, field: str) -> int | None:
    """Raises InputInvalid naming the field."""
    if not text:
        return None
    if (moment := parse_iso(text)) is None:
        raise InputInvalid(f'"{field}" is not an ISO-8601 time', field=field)
    return moment


def _view(row: Recorded) -> AuditEvent:
    email = {"actor_email": row.actor_email} if row.actor_email else {}
    return AuditEvent(
        id=row.id,
        timestamp=format_iso(row.timestamp),
        type=row.type,
        actor=row.actor,
        resource_id=row.resource_id,
        resource_type=row.resource_type,
        resource_name=row.resource_name,
        **email,
    )
