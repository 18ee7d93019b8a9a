"""Operations on quarantine: the engine answers, for the events stand in its streams."""

from typing import Any

import msgspec

from penstock.api.errors import InputInvalid, NotFound
from penstock.api.operation import Nothing, Question, Request, operation, schemas
from penstock.api.permissions import Permission
from penstock.api.times import milliseconds
from penstock.kit.time import format_iso
from penstock.resources.quarantine import schemas as wire
from penstock.spec.quarantine import EndedHeld, EndHeld, FindHeld, HeldEvent, HeldEvents, QuarantineFilter

_PATH = "/penstock/quarantine"
_SECONDS = 60.0
_PLAIN = ("source_id", "destination_id", "reason", "event", "user", "message_id", "ids")


def _filter_of(workspace_id: str, wanted: wire.Wanted) -> QuarantineFilter:
    plain = {name: getattr(wanted, name) for name in _PLAIN}
    return QuarantineFilter(workspace_id, **plain, since=milliseconds(wanted.since), until=milliseconds(wanted.until))


def _view(held: HeldEvent) -> dict[str, Any]:
    told = {name: getattr(held, name) for name in wire.HeldEvent.model_fields}
    tried = {"first_attempt_at": format_iso(held.first_attempt_at)} if held.first_attempt_at else {}
    return {**told, "first_attempt_at": "", **tried, "held_at": format_iso(held.held_at)}


async def _ask_for_page(request: Request[wire.ListQuarantine]) -> Question:
    body = request.body
    return Question(FindHeld(_filter_of(request.workspace_id, body), int(body.count), body.after), HeldEvents, _SECONDS)


@operation(
    "listQuarantine",
    "GET",
    _PATH,
    permission=Permission.EVENT_READ,
    also=(Permission.SOURCE_READ,),
    body=schemas(wire.ListQuarantine),
    answer=schemas(wire.HeldEventsAnswer),
    asks=_ask_for_page,
)
async def list_quarantine(request: Request[wire.ListQuarantine]) -> dict[str, Any]:
    """Events that were blocked or could not be delivered, the oldest first. `next` goes into `after`."""
    page: HeldEvents = request.reply
    return {"events": [_view(held) for held in page.events], "next": page.next}


async def _ask_for_one(request: Request[Nothing]) -> Question:
    wanted = QuarantineFilter(request.workspace_id, ids=[request.path["quarantineId"]])
    return Question(FindHeld(wanted, 1, is_whole=True), HeldEvents, _SECONDS)


@operation(
    "getQuarantinedEvent",
    "GET",
    _PATH + "/{quarantineId}",
    permission=Permission.EVENT_READ,
    also=(Permission.SOURCE_READ,),
    answer=schemas(wire.WholeEventAnswer),
    asks=_ask_for_one,
)
async def get_quarantined_event(request: Request[Nothing]) -> dict[str, Any]:
    """One event with its body. Its id is another one once its neighbours have left."""
    page: HeldEvents = request.reply
    if not page.events:
        raise NotFound(f"nothing stands at {request.path['quarantineId']}")
    (held,) = page.events
    return {"held": _view(held), "event": msgspec.json.decode(held.event)}


def _required(request: Request[wire.EndQuarantine]) -> QuarantineFilter:
    """Raises InputInvalid where nothing says which events are meant."""
    body = request.body
    if not body.all and not any(getattr(body, name) for name in wire.Wanted.model_fields):
        raise InputInvalid('"all" must be true where nothing else says which events are meant', field="all")
    return _filter_of(request.workspace_id, body)


async def _ask_to_replay(request: Request[wire.EndQuarantine]) -> Question:
    return Question(EndHeld(_required(request), "replay", request.body.limit), EndedHeld, _SECONDS)


async def _ask_to_drop(request: Request[wire.EndQuarantine]) -> Question:
    return Question(EndHeld(_required(request), "drop", request.body.limit), EndedHeld, _SECONDS)


@operation(
    "replayQuarantine",
    "POST",
    _PATH + "/replay",
    permission=Permission.SOURCE_ADMIN,
    body=schemas(wire.EndQuarantine),
    answer=schemas(wire.EndedAnswer),
    audit=("Quarantine Replayed",),
    asks=_ask_to_replay,
)
async def replay_quarantine(request: Request[wire.EndQuarantine]) -> dict[str, Any]:
    """Bring events back: what was blocked is judged again, what failed is delivered again.

    `kept` counts those that stay because their source, destination or mapping is gone or switched off. Ask again while
    `hasMore` is true.
    """
    return await _ended(request, "Quarantine Replayed")


@operation(
    "dropQuarantine",
    "POST",
    _PATH + "/drop",
    permission=Permission.SOURCE_ADMIN,
    body=schemas(wire.EndQuarantine),
    answer=schemas(wire.EndedAnswer),
    audit=("Quarantine Dropped",),
    asks=_ask_to_drop,
)
async def drop_quarantine(request: Request[wire.EndQuarantine]) -> dict[str, Any]:
    """Delete events for good. Ask again while `hasMore` is true."""
    return await _ended(request, "Quarantine Dropped")


async def _ended(request: Request[wire.EndQuarantine], audited: str) -> dict[str, Any]:
    ended: EndedHeld = request.reply
    unit = request.unit
    await unit.audit(audited, "QUARANTINE", unit.workspace_id, f"{ended.count} events")
    return msgspec.structs.asdict(ended)
