"""What of a source's events is taken, what of addresses and of blocked ones is kept: our own, beside the contract."""

from typing import Annotated, Any

import msgspec
from pydantic import Field

from penstock.api.operation import Nothing, Request, operation, schemas
from penstock.api.permissions import Permission
from penstock.api.schema import Answer, Input
from penstock.resources.sources.repository import Source, require_source
from penstock.resources.sources.service import touch
from penstock.spec.snapshot import IpHandling

_PATH = "/penstock/sources/{sourceId}/intake"
EventRate = Annotated[int, Field(ge=-1, le=10_000_000)]


class UpdateIntake(Input):
    event_rate: EventRate = 0
    ip: IpHandling = "keep"
    keep_blocked_events: bool = True


class Intake(Answer):
    source_id: str
    event_rate: int
    ip: IpHandling
    keep_blocked_events: bool


class IntakeAnswer(Answer):
    intake: Intake


@operation("getSourceIntake", "GET", _PATH, permission=Permission.SOURCE_READ, answer=schemas(IntakeAnswer))
async def get_intake(request: Request[Nothing]) -> dict[str, Any]:
    """Events a second that an edge takes of the source, what becomes of `context.ip`, and of what it blocks.

    An `eventRate` of 0 is the installation's setting, -1 any number of events whatever that setting says. With
    `keepBlockedEvents`, blocked events stand in quarantine, from where they can be judged again; else they are gone.
    """
    unit = request.unit
    return {"intake": _view(await require_source(unit.connection, unit.workspace_id, request.path["sourceId"]))}


@operation(
    "updateSourceIntake",
    "PATCH",
    _PATH,
    permission=Permission.SOURCE_ADMIN,
    body=schemas(UpdateIntake),
    answer=schemas(IntakeAnswer),
    audit=("Source Modified",),
)
async def update_intake(request: Request[UpdateIntake]) -> dict[str, Any]:
    """Change what is sent."""
    unit = request.unit
    source = await require_source(unit.connection, unit.workspace_id, request.path["sourceId"])
    changed = await touch(unit, msgspec.structs.replace(source, **request.body.sent()))
    await unit.audit("Source Modified", "SOURCE", source.id, source.slug)
    return {"intake": _view(changed)}


def _view(source: Source) -> Intake:
    return Intake(
        source_id=source.id,
        event_rate=source.event_rate,
        ip=source.ip,
        keep_blocked_events=source.keep_blocked_events,
    )
