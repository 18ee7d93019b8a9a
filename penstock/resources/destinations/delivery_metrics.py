"""The operation that sums up what became of a destination's deliveries."""

from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from penstock.api.errors import NotFound
from penstock.api.operation import Request, operation, schemas
from penstock.api.permissions import Permission
from penstock.api.schema import Answer, Input
from penstock.api.versions import Contract
from penstock.kit.time import format_iso
from penstock.resources.delivery_overview import (
    Bounds,
    Granularity,
    Metric,
    Wanted,
    granularity_of,
    moment_of,
    select_metrics,
    timeframe_of,
)
from penstock.resources.destinations.repository import require_destination

_HOUR, _DAY = 60, 24 * 60
BOUNDS = {
    Granularity.MINUTE: Bounds(4 * _HOUR, 48 * _HOUR),
    Granularity.HOUR: Bounds(7 * _DAY, 7 * _DAY),
    Granularity.DAY: Bounds(14 * _DAY, 14 * _DAY),
}
_BEGINS_AGO = {Granularity.MINUTE: _HOUR, Granularity.HOUR: 7 * _DAY, Granularity.DAY: 14 * _DAY}
"""Minutes before the end, where no `startTime` is given."""
Moment = Annotated[str, Field(max_length=64)]


class ListDeliveryMetrics(Input):
    source_id: Annotated[str, Field(min_length=1, max_length=255)]
    start_time: Moment = ""
    end_time: Moment = ""
    granularity: Annotated[Granularity, BeforeValidator(granularity_of)] = Granularity.MINUTE


class Part(Answer):
    metric_name: str
    value: int


class MetricView(Answer):
    metric_name: str
    total: int
    breakdown: list[Part] = Field(default=[])


class Summary(Answer):
    source_id: str
    destination_metadata_id: str
    metrics: list[MetricView]


class SummaryAnswer(Answer):
    delivery_metrics_summary: Summary


@operation(
    "listDeliveryMetricsSummaryFromDestination",
    "GET",
    "/destinations/{destinationId}/delivery-metrics",
    permission=Permission.DELIVERY_READ,
    body=schemas(ListDeliveryMetrics),
    answer=schemas(SummaryAnswer),
    offered=(Contract.BETA, Contract.ALPHA),
    is_in_seed=False,
)
async def list_delivery_metrics_summary_from_destination(request: Request[ListDeliveryMetrics]) -> dict[str, Any]:
    """What became of a destination's deliveries: successes by attempt, failures and waits by reason, what was too late.

    `latency.p95` is in milliseconds, from when events were received until they were delivered.

    Of the last hour, the last 7 days or the last 14 days, by `granularity`, where no `startTime` is given. MINUTE
    reaches 48 hours back and spans at most 4, HOUR 7 days, DAY 14.
    """
    unit, body = request.unit, request.body
    destination = await require_destination(unit.connection, unit.workspace_id, request.path["destinationId"])
    if body.source_id != destination.source_id:
        raise NotFound(f"destination {destination.id} does not exist in source {body.source_id}")
    end = body.end_time or format_iso(unit.now + 1)
    start = body.start_time or format_iso(moment_of(end, "endTime") - _BEGINS_AGO[body.granularity] * 60_000)
    timeframe = timeframe_of(start, end, body.granularity, unit.now, BOUNDS)
    among = {"source_id": [destination.source_id], "destination_id": [destination.id]}
    metrics = await select_metrics(unit.connection, Wanted(unit.workspace_id, (), timeframe, among))
    summary = Summary(
        source_id=destination.source_id,
        destination_metadata_id=destination.metadata_id,
        metrics=[_view(metric) for metric in metrics],
    )
    return {"delivery_metrics_summary": summary}


def _view(metric: Metric) -> MetricView:
    parts = [Part(metric_name=name, value=value) for name, value in sorted(metric.parts.items())]
    return MetricView(metric_name=metric.name, total=metric.total, **({"breakdown": parts} if parts else {}))
