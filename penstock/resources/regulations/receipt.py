"""The receipt of a regulation: every store, what was done in it, and when the last byte is gone. Our own."""

from typing import Any

from penstock.api.operation import Nothing, Request, operation, schemas
from penstock.api.permissions import Permission
from penstock.api.schema import Answer
from penstock.kit.time import format_iso
from penstock.resources.regulations.repository import require_regulation
from penstock.resources.regulations.steps import Step, select_steps, told


class ReceiptLine(Answer):
    store: str
    id: str
    name: str
    source_id: str
    method: str
    state: str
    rows: int
    gone_at: str
    error: str


class Receipt(Answer):
    id: str
    regulation_type: str
    subject_type: str
    subject_count: int
    status: str
    created_at: str
    finished_at: str
    stores: list[ReceiptLine]


class ReceiptAnswer(Answer):
    receipt: Receipt


@operation(
    "getRegulationReceipt",
    "GET",
    "/penstock/regulations/{regulateId}/receipt",
    permission=Permission.REGULATION_READ,
    answer=schemas(ReceiptAnswer),
)
async def get_regulation_receipt(request: Request[Nothing]) -> dict[str, Any]:
    """What a regulation has done in every store, for as long as it is kept itself.

    `goneAt` is when the last byte is gone; until then nobody reads what is left. `rows` are those that were deleted, or
    people of whom a destination was told; what a call did that a kill cut off is not counted.
    """
    unit = request.unit
    found = await require_regulation(unit.connection, unit.workspace_id, request.path["regulateId"], 0)
    steps = await select_steps(unit.connection, found.id)
    receipt = {
        "id": found.id,
        "regulationType": found.type,
        "subjectType": found.subject_type,
        "subjectCount": found.subject_count,
        "status": found.status,
        "createdAt": format_iso(found.created_at),
        "finishedAt": _time(found.finished_at),
        "stores": [_line(step) for step in told(steps)],
    }
    return {"receipt": receipt}


def _line(step: Step) -> dict[str, Any]:
    return {
        "store": step.store,
        "id": step.target_id,
        "name": step.name,
        "sourceId": step.source_id,
        "method": step.method,
        "state": step.state,
        "rows": step.row_count,
        "goneAt": _time(step.gone_at),
        "error": step.error,
    }


def _time(ms: int) -> str:
    return format_iso(ms) if ms else ""
