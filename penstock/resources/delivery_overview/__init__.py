"""Delivery Overview: how events ended, counted from what the data plane reports."""

from penstock.api.retention import Kept
from penstock.resources.delivery_overview.fold import Fold
from penstock.resources.delivery_overview.metrics import Metric, select_metrics
from penstock.resources.delivery_overview.operations import (
    get_egress_failed_metrics_from_delivery_overview,
    get_egress_success_metrics_from_delivery_overview,
    get_filtered_at_destination_metrics_from_delivery_overview,
    get_filtered_at_source_metrics_from_delivery_overview,
    get_ingress_failed_metrics_from_delivery_overview,
    get_ingress_success_metrics_from_delivery_overview,
)
from penstock.resources.delivery_overview.repository import (
    DIMENSIONS,
    LATENCIES,
    OUTCOMES,
    select_totals,
    select_watermarks,
)
from penstock.resources.delivery_overview.series import Group, Point, Wanted, group_key, select_groups, select_points
from penstock.resources.delivery_overview.table import delivery_latencies, outcome_counts
from penstock.resources.delivery_overview.timeframe import (
    Bounds,
    Granularity,
    granularity_of,
    moment_of,
    text_of,
    timeframe_of,
)

USES = ("schema", "usage", "violations", "warehouse_syncs")
OPERATIONS = (
    get_ingress_success_metrics_from_delivery_overview,
    get_ingress_failed_metrics_from_delivery_overview,
    get_filtered_at_source_metrics_from_delivery_overview,
    get_filtered_at_destination_metrics_from_delivery_overview,
    get_egress_failed_metrics_from_delivery_overview,
    get_egress_success_metrics_from_delivery_overview,
)
_DAYS, _DAYS_BY_MINUTE, _MINUTE_MS = 31, 3, 60_000
KEPT = (
    Kept(outcome_counts.c.minute, _DAYS, _MINUTE_MS, OUTCOMES.condense, _DAYS_BY_MINUTE),
    Kept(delivery_latencies.c.minute, _DAYS, _MINUTE_MS, LATENCIES.condense, _DAYS_BY_MINUTE),
)
"""After 3 days a row tells an hour. The fold is untouched: a report that comes late makes its old counter again, which
goes at the next round.
"""
__all__ = [
    "DIMENSIONS",
    "KEPT",
    "OPERATIONS",
    "USES",
    "Bounds",
    "Fold",
    "Granularity",
    "Group",
    "Metric",
    "Point",
    "Wanted",
    "granularity_of",
    "group_key",
    "moment_of",
    "outcome_counts",
    "select_groups",
    "select_metrics",
    "select_points",
    "select_totals",
    "select_watermarks",
    "text_of",
    "timeframe_of",
]
