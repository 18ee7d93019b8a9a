"""The operation of the tag Events."""

from typing import Any

from penstock.api.errors import InputInvalid
from penstock.api.operation import RateLimit, Request, operation, schemas
from penstock.api.pagination import page_of
from penstock.api.permissions import Permission
from penstock.api.schema import Pagination
from penstock.api.scope import anywhere
from penstock.resources.delivery_overview import (
    Bounds,
    Granularity,
    Group,
    Point,
    Wanted,
    group_key,
    outcome_counts,
    select_groups,
    select_points,
    text_of,
    timeframe_of,
)
from penstock.resources.events.schemas import (
    GROUPS,
    AnsweredQuery,
    Datapoint,
    EventSource,
    EventsVolumeAnswer,
    EventsVolumeQuery,
    Volume,
)
from penstock.resources.sources import find_source, within_sources
from penstock.spec.outcome import Outcome

ENTRIES_LIMIT = 5_000
_PATH = "/events/volume"
_DAY, _YEAR = 24 * 60, 366 * 24 * 60
BOUNDS = {
    Granularity.MINUTE: Bounds(4 * 60, _YEAR),
    Granularity.HOUR: Bounds(14 * _DAY, _YEAR),
    Granularity.DAY: Bounds(_YEAR, _YEAR),
}
_FILTERS = ("source_id", "event_name", "event_type", "app_version")


@operation(
    "getEventsVolumeFromWorkspace",
    "GET",
    _PATH,
    permission=anywhere(Permission.DELIVERY_READ),
    body=schemas(EventsVolumeQuery),
    answer=schemas(EventsVolumeAnswer),
    is_paged=True,
    limit=RateLimit(60),
    is_in_seed=False,
)
async def get_events_volume_from_workspace(request: Request[EventsVolumeQuery]) -> dict[str, Any]:
    """How many events were received, from `startTime` on, up to before `endTime`, in steps of `granularity`.

    At most 5,000 groups, the largest first. A token that reads some sources alone is told of those. Counts are kept
    for 30 days, after 3 days by the hour; MINUTE spans at most 4 hours, HOUR 14 days. Steps without events are left
    out.
    """
    unit, body = request.unit, request.body
    timeframe = timeframe_of(body.start_time, body.end_time, body.granularity, unit.now, BOUNDS)
    by = _grouped_by(body.group_by)
    columns = [GROUPS[name] for name in by]
    among = {name: values for name in _FILTERS if (values := getattr(body, name))}
    reach = request.principal.reach(Permission.DELIVERY_READ)
    within = within_sources(reach, outcome_counts.c.source_id)
    wanted = Wanted(unit.workspace_id, (Outcome.RECEIVED,), timeframe, among, within)
    groups, _ = await select_groups(unit.connection, wanted, columns, ENTRIES_LIMIT)
    shown, page = page_of(groups, request.page, group_key)
    points = await select_points(unit.connection, wanted, columns, shown)
    sources = await _sources(request, by, shown)
    query = AnsweredQuery(workspace_id=unit.workspace_id, **body.sent())
    result = [_volume(group, by, points.get(group.key, []), sources) for group in shown]
    return {"path": _PATH, "query": query, "result": result, "pagination": Pagination.of(page)}


def _grouped_by(asked: list[str]) -> list[str]:
    """Raises InputInvalid naming the field."""
    for name in asked:
        if name not in GROUPS:
            raise InputInvalid(f'"groupBy" must be of {", ".join(GROUPS)}', field="groupBy")
    return [name for name in GROUPS if name in asked]


async def _sources(request: Request[EventsVolumeQuery], by: list[str], groups: list[Group]) -> dict[str, EventSource]:
    """Those of the groups, by id; of one that is gone the id alone is left."""
    if "source" not in by:
        return {}
    place, found = by.index("source"), {}
    for identifier in {group.key[place] for group in groups}:
        source = await find_source(request.unit.connection, request.workspace_id, identifier)
        names = {"name": source.name or source.slug, "slug": source.slug} if source else {}
        found[identifier] = EventSource(id=identifier, **names)
    return found


def _volume(group: Group, by: list[str], points: list[Point], sources: dict[str, EventSource]) -> Volume:
    told: dict[str, Any] = {GROUPS[name]: value for name, value in zip(by, group.key, strict=True)}
    if "source_id" in told:
        told["source"] = sources[told.pop("source_id")]
    series = [Datapoint(time=text_of(point.minute), count=point.count) for point in points]
    return Volume(total=group.total, series=series, **told)
