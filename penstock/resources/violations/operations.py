"""The operation on violations."""

from typing import Any

import msgspec

from penstock.api.errors import NotFound
from penstock.api.operation import Question, Request, operation, schemas
from penstock.api.permissions import Permission
from penstock.api.times import milliseconds
from penstock.kit.time import format_iso
from penstock.resources.violations import schemas as wire
from penstock.resources.violations.repository import ViolationGroup, select_samples, select_violations
from penstock.spec.findings import NAME_LENGTH, ViolationSample
from penstock.spec.plans import spoken
from penstock.spec.samples import FindSamples, SampledEvents

_DAY_MS = 86_400_000
_DAYS = 30
_SECONDS = 20.0


@operation(
    "listViolations",
    "GET",
    "/penstock/violations",
    permission=Permission.TRACKING_PLAN_READ,
    also=(Permission.SOURCE_READ,),
    body=schemas(wire.ListViolations),
    answer=schemas(wire.ViolationsAnswer),
)
async def list_violations(request: Request[wire.ListViolations]) -> dict[str, Any]:
    """How often events violated which rule in which way, the most frequent first; of 30 days where no time is set.

    `field` is the path from the event's root, in which `$` stands for each item of an array. Samples are the last
    events, by message id. A source has 1,000 ways a day; further ones are `other`.
    """
    unit, body = request.unit, request.body
    since = milliseconds(body.since, unit.now - (_DAYS - 1) * _DAY_MS)
    days = range(since // _DAY_MS, milliseconds(body.until, unit.now) // _DAY_MS + 1)
    among = {
        "source_id": body.source_id,
        "event_type": body.event_type,
        "event_name": body.event[:NAME_LENGTH],
        "rule_type": body.rule_type,
        "field": body.field,
        "kind": body.kind,
    }
    groups, total = await select_violations(unit.connection, unit.workspace_id, days, among, int(body.count))
    samples = await select_samples(unit.connection, unit.workspace_id, days, [group.way for group in groups])
    return {"violations": [_view(group, samples.get(group.way, [])) for group in groups], "total": total}


def _view(group: ViolationGroup, samples: list[ViolationSample]) -> wire.Violation:
    return wire.Violation(
        source_id=group.source_id,
        event_type=group.event_type,
        event_name=group.event_name,
        rule=wire.ViolatedRule(type=group.rule_type, key=group.rule_key, version=spoken(group.rule_version)),
        field=group.field,
        kind=group.kind,
        count=group.count,
        first_seen_at=format_iso(group.first),
        last_seen_at=format_iso(group.last),
        samples=[
            wire.ViolationSample(message_id=each.message_id, time=format_iso(each.time), description=each.description)
            for each in samples
        ],
    )


async def _ask_for_events(request: Request[wire.ListViolatingEvents]) -> Question:
    body, unit = request.body, request.unit
    if not await unit.has("source", body.source_id):
        raise NotFound(f"source {body.source_id} does not exist")
    wanted = FindSamples(unit.workspace_id, body.source_id, "", "", len(body.message_ids), tuple(body.message_ids))
    return Question(wanted, SampledEvents, _SECONDS)


@operation(
    "listViolatingEvents",
    "GET",
    "/penstock/violations/events",
    permission=Permission.EVENT_READ,
    also=(Permission.SOURCE_READ,),
    body=schemas(wire.ListViolatingEvents),
    answer=schemas(wire.ViolatingEventsAnswer),
    asks=_ask_for_events,
)
async def list_violating_events(request: Request[wire.ListViolatingEvents]) -> dict[str, Any]:
    """The events behind samples, by their message ids: as they were routed, or blocked.

    They are looked up in the last frames of the log and kept nowhere else: what came long ago is not found, and what
    people sent before they were deleted is passed over. What was blocked stands in quarantine for longer.
    """
    reply: SampledEvents = request.reply
    return {"events": [msgspec.json.decode(text) for text in reply.events]}
