"""Operations on the schema inventory of a source."""

from typing import Any

from penstock.api.errors import NotFound
from penstock.api.operation import Request, operation, schemas
from penstock.api.permissions import Permission
from penstock.api.times import milliseconds
from penstock.kit.time import format_iso
from penstock.resources.schema import schemas as wire
from penstock.resources.schema.draft import draft_rules
from penstock.resources.schema.inventory import decode_properties, types_of
from penstock.resources.schema.repository import ALL_DAYS, KnownEvent, select_days, select_events
from penstock.resources.sources import require_source

PATH = "/penstock/sources/{sourceId}/schema"
_DAY_MS = 86_400_000


@operation(
    "listSchema",
    "GET",
    PATH,
    permission=Permission.SOURCE_READ,
    body=schemas(wire.ListSchema),
    answer=schemas(wire.SeenEventsAnswer),
)
async def list_schema(request: Request[wire.ListSchema]) -> dict[str, Any]:
    """Which events the source has seen, the most frequent first: on one day, or in all.

    The first 1,000 names are told apart, further ones are `other`. What was not seen for 90 days is forgotten.
    """
    unit = request.unit
    source = await require_source(unit.connection, unit.workspace_id, request.path["sourceId"])
    day = milliseconds(request.body.day) // _DAY_MS if request.body.day else ALL_DAYS
    events = await select_events(unit.connection, unit.workspace_id, source.id, day)
    return {"source_id": source.id, "events": [_line(event) for event in events]}


def _line(event: KnownEvent) -> wire.SeenEvent:
    return wire.SeenEvent(
        type=event.event_type,
        name=event.event_name,
        count=event.count,
        properties=len(decode_properties(event.properties)),
        first_seen_at=format_iso(event.first),
        last_seen_at=format_iso(event.last),
    )


@operation(
    "getSchemaEvent",
    "GET",
    PATH + "/event",
    permission=Permission.SOURCE_READ,
    body=schemas(wire.GetSchemaEvent),
    answer=schemas(wire.EventSchemaAnswer),
)
async def get_schema_event(request: Request[wire.GetSchemaEvent]) -> dict[str, Any]:
    """Which properties or traits the events of one type and name had, with which types, and how many came on which day.

    `$` in a path stands for each item of an array. How many events had a name of the first level is exact; types, and
    what objects and arrays hold, are looked into for a part of the events. An event has 300 names; others are `other`.
    """
    unit, body = request.unit, request.body
    source = await require_source(unit.connection, unit.workspace_id, request.path["sourceId"])
    rows = await select_days(unit.connection, unit.workspace_id, source.id, body.type, body.name)
    if not rows or rows[0].day != ALL_DAYS:
        raise NotFound(f"source {source.id} has seen no {body.type} {body.name}".rstrip())
    return {"source_id": source.id, "event": _whole(rows[0], rows[1:])}


def _whole(event: KnownEvent, days: list[KnownEvent]) -> wire.EventSchema:
    return wire.EventSchema(
        type=event.event_type,
        name=event.event_name,
        count=event.count,
        first_seen_at=format_iso(event.first),
        last_seen_at=format_iso(event.last),
        properties=[
            wire.SeenProperty(
                path=path,
                count=known.count,
                types=types_of(known),
                first_seen_at=format_iso(known.first),
                last_seen_at=format_iso(known.last),
            )
            for path, known in sorted(decode_properties(event.properties).items())
        ],
        days=[_day(each) for each in days],
    )


def _day(event: KnownEvent) -> wire.DayOfEvent:
    counts = {path: known.count for path, known in sorted(decode_properties(event.properties).items())}
    return wire.DayOfEvent(day=format_iso(event.day * _DAY_MS)[:10], count=event.count, properties=counts)


@operation(
    "draftPlanFromSchema",
    "GET",
    PATH + "/plan",
    permission=Permission.SOURCE_READ,
    body=schemas(wire.DraftPlan),
    answer=schemas(wire.DraftPlanAnswer),
)
async def draft_plan_from_schema(request: Request[wire.DraftPlan]) -> dict[str, Any]:
    """Propose the rules of a tracking plan from what the source has seen, as replacing the rules of a plan takes them.

    A property is required where all events of its name had it, and there were at least `requiredFrom` of them; all
    types that were seen are allowed.
    """
    unit = request.unit
    source = await require_source(unit.connection, unit.workspace_id, request.path["sourceId"])
    events = await select_events(unit.connection, unit.workspace_id, source.id)
    rules = draft_rules(events, int(request.body.required_from))
    told = [wire.DraftRule(type=rule.type, key=rule.key, version=1, json_schema=rule.schema) for rule in rules]
    return {"rules": told}
