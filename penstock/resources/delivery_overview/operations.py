"""Operations of the tag Delivery Overview: six steps of an event's way, counted alike."""

from typing import Any, TypeVar

from penstock.api.errors import InputInvalid, NotFound
from penstock.api.operation import Operation, Request, operation, schemas
from penstock.api.pagination import page_of
from penstock.api.permissions import Permission
from penstock.api.schema import Pagination
from penstock.api.versions import Contract
from penstock.resources.delivery_overview.schemas import (
    ABSENT,
    COLUMNS,
    Datapoint,
    Dataset,
    Filter,
    MetricsAnswer,
    OfDestination,
    OfSource,
)
from penstock.resources.delivery_overview.series import Group, Point, Wanted, group_key, select_groups, select_points
from penstock.resources.delivery_overview.timeframe import Bounds, Granularity, text_of, timeframe_of
from penstock.spec.outcome import Outcome

BOUNDS = {
    Granularity.MINUTE: Bounds(4 * 60, 48 * 60),
    Granularity.HOUR: Bounds(14 * 24 * 60, 30 * 24 * 60),
    Granularity.DAY: Bounds(30 * 24 * 60, 30 * 24 * 60),
}
GROUPS_LIMIT = 10_000
_OF_RECEIVED = ("eventName", "eventType", "appVersion")
_OF_SOURCE = (*_OF_RECEIVED, "discardReason")
_OF_DESTINATION = (*_OF_SOURCE, "subscriptionId", *ABSENT)
_FIELDS = {
    "eventName": "event_name",
    "eventType": "event_type",
    "discardReason": "discard_reason",
    "appVersion": "app_version",
}
"""The answer's field of what is grouped by; of subscriptions the contract has none."""
_WITH_RETRIES = (Outcome.DELIVERED, Outcome.FAILED_DELIVERY)
B = TypeVar("B", bound=OfSource)


async def _metrics(request: Request[B], outcome: Outcome, known: tuple[str, ...]) -> dict[str, Any]:
    unit, body = request.unit, request.body
    timeframe = timeframe_of(body.start_time, body.end_time, body.granularity, unit.now, BOUNDS)
    by = _grouped_by(body.group_by, known)
    among = _among(body.filter, known) | await _named(request)
    wanted = Wanted(unit.workspace_id, (outcome,), timeframe, among)
    columns = [COLUMNS[name] for name in by]
    groups, total = await select_groups(unit.connection, wanted, columns, GROUPS_LIMIT)
    shown, page = page_of(groups, request.page, group_key)
    points = await select_points(unit.connection, wanted, columns, shown)
    has_retries = outcome in _WITH_RETRIES
    dataset = [_dataset(group, by, points.get(group.key, []), has_retries=has_retries) for group in shown]
    return {"total": total, "dataset": dataset, "pagination": Pagination.of(page)}


def _grouped_by(asked: list[str], known: tuple[str, ...]) -> list[str]:
    """Raises InputInvalid naming the field."""
    for name in asked:
        if name not in known:
            raise InputInvalid(f'"groupBy" must be of {", ".join(known)}', field="groupBy")
    return [name for name in COLUMNS if name in asked]


def _among(asked: Filter, known: tuple[str, ...]) -> dict[str, list[str]]:
    """Raises InputInvalid naming the field."""
    found: dict[str, list[str]] = {}
    for field, values in asked.sent().items():
        name = str(Filter.model_fields[field].alias)
        if name not in known:
            raise InputInvalid(f'"filter.{name}" is not allowed', field=f"filter.{name}")
        # No event has what is absent: a column that never holds an empty outcome finds nothing.
        column, wanted = (COLUMNS[name], values) if name in COLUMNS else ("outcome", [""])
        if values:
            found[column] = wanted
    return found


async def _named(request: Request[B]) -> dict[str, list[str]]:
    """Raises NotFound where the workspace has no such source or destination."""
    body, unit = request.body, request.unit
    if not await unit.has("source", body.source_id):
        raise NotFound(f"source {body.source_id} does not exist")
    named = {"source_id": [body.source_id]}
    if isinstance(body, OfDestination):
        if not await unit.has("destination", body.destination_config_id):
            raise NotFound(f"destination {body.destination_config_id} does not exist")
        named["destination_id"] = [body.destination_config_id]
    return named


def _dataset(group: Group, by: list[str], points: list[Point], *, has_retries: bool) -> Dataset:
    told: dict[str, Any] = {_FIELDS[name]: value for name, value in zip(by, group.key, strict=True) if name in _FIELDS}
    if has_retries:
        told["total_retry_count"] = group.retries
    series = [_datapoint(point, has_retries=has_retries) for point in points]
    return Dataset(total=group.total, series=series, **told)


def _datapoint(point: Point, *, has_retries: bool) -> Datapoint:
    retried = {"retry_count": point.retries} if has_retries else {}
    return Datapoint(time=text_of(point.minute), count=point.count, **retried)


def _step(identifier: str, path: str, outcome: Outcome, known: tuple[str, ...], about: str) -> Operation:
    """One of the six."""
    body = OfDestination if "subscriptionId" in known else OfSource

    async def handler(request: Request[B]) -> dict[str, Any]:
        return await _metrics(request, outcome, known)

    handler.__doc__ = f"""{about}

    From `startTime` on, up to before `endTime`: MINUTE for at most 4 hours that begin at most 48 hours ago, HOUR for
    14 days of the last 30, DAY for 30. Groups come the largest first; steps in which nothing was counted are left out.
    """
    return operation(
        identifier,
        "GET",
        f"/delivery-overview/{path}",
        permission=Permission.DELIVERY_READ,
        body=schemas(body),
        answer=schemas(MetricsAnswer),
        is_paged=True,
        offered=(Contract.BETA,),
        is_in_seed=False,
    )(handler)


get_ingress_success_metrics_from_delivery_overview = _step(
    "getIngressSuccessMetricsFromDeliveryOverview",
    "successfully-received",
    Outcome.RECEIVED,
    _OF_RECEIVED,
    "Events that a source has received.",
)
get_ingress_failed_metrics_from_delivery_overview = _step(
    "getIngressFailedMetricsFromDeliveryOverview",
    "failed-on-ingest",
    Outcome.FAILED_ON_INGEST,
    _OF_SOURCE,
    "Events that came and were not received, and why.",
)
get_filtered_at_source_metrics_from_delivery_overview = _step(
    "getFilteredAtSourceMetricsFromDeliveryOverview",
    "filtered-at-source",
    Outcome.FILTERED_AT_SOURCE,
    _OF_SOURCE,
    "Events that a source has received and did not pass on: its tracking plan or a transformation kept them.",
)
get_filtered_at_destination_metrics_from_delivery_overview = _step(
    "getFilteredAtDestinationMetricsFromDeliveryOverview",
    "filtered-at-destination",
    Outcome.FILTERED_AT_DESTINATION,
    _OF_DESTINATION,
    "Events that a destination was not to get, and why; one of several mappings counts for itself.",
)
get_egress_failed_metrics_from_delivery_overview = _step(
    "getEgressFailedMetricsFromDeliveryOverview",
    "failed-delivery",
    Outcome.FAILED_DELIVERY,
    _OF_DESTINATION,
    "Deliveries that failed for good, and why. Those that wait for another try are not among them.",
)
get_egress_success_metrics_from_delivery_overview = _step(
    "getEgressSuccessMetricsFromDeliveryOverview",
    "successful-delivery",
    Outcome.DELIVERED,
    _OF_DESTINATION,
    "Deliveries that succeeded. Their `discardReason` is the attempt that did: `successes.attempt.1` and so on.",
)
