"""What judging by rules costs: a tracking plan, transformations and filters, beside events that pass as they are."""

import json
import statistics
import tempfile
import time
from pathlib import Path

from bench.pipeline import event_of, microseconds_per_event, snapshots_of
from bench.report import Figure, at_most
from penstock.infra.snapshots import Snapshots
from penstock.pipeline.dedupe import DedupeIndex
from penstock.spec.edits.filters import Filters
from penstock.spec.snapshot import (
    DestinationFilterSnapshot,
    FilterActionSnapshot,
    PlanSnapshot,
    RuleSnapshot,
    SnapshotEnvelope,
    SnapshotKind,
    TransformationSnapshot,
)

_RUNS = 5
_SOURCES = 10
_FILTERED = 20_000
_ORDER = {
    "type": "object",
    "required": ["orderId"],
    "properties": {
        "orderId": {"type": "string"},
        "total": {"type": "number"},
        "currency": {"type": "string", "pattern": "^[A-Z]{3}$"},
        "coupon": {"type": ["string", "null"]},
        "items": {"type": "array", "items": {"type": "integer"}},
    },
}
_SCHEMA = json.dumps({"properties": {"properties": _ORDER}, "required": ["properties"]}).encode()
_TRANSFORMATIONS = [
    TransformationSnapshot("t1", "event = 'Order Completed'", renames=[("total", "revenue")]),
    TransformationSnapshot("t2", "properties.revenue > 10", values=[("properties.size", "large")]),
    TransformationSnapshot("t3", "event = 'Nothing'", new_event_name="Something"),
]
_FILTERS = [
    DestinationFilterSnapshot("f1", "properties.revenue < 10", [FilterActionSnapshot("DROP")]),
    DestinationFilterSnapshot(
        "f2", "event = 'Order Completed'", [FilterActionSnapshot("DROP_PROPERTIES", {"properties": ["coupon"]})]
    ),
    DestinationFilterSnapshot("f3", "contains(userId, 'test')", [FilterActionSnapshot("DROP")]),
]


def run() -> list[Figure]:
    """Medians of interleaved runs."""
    plain = snapshots_of(_SOURCES)
    kinds = {"none": plain, "20 rules": ruled(20), "2,000 rules": ruled(2_000)}
    measured: dict[str, list[float]] = {kind: [] for kind in kinds}
    with tempfile.TemporaryDirectory() as folder:
        index = DedupeIndex(Path(folder) / "dedupe", 24)
        for number in range(_RUNS):
            for offset, (kind, snapshots) in enumerate(kinds.items()):
                # A run's number makes the message ids, and so no two kinds may share one.
                measured[kind].append(microseconds_per_event(snapshots, _SOURCES, index, number * 10 + offset))
        index.close()
    none, few, many = (statistics.median(taken) for taken in measured.values())
    filters = statistics.median(filter_microseconds() for _ in range(_RUNS))
    return [
        Figure("pipeline CPU per event without rules", none, "µs"),
        at_most("with a 20-rule plan, 3 transformations and 3 filters", few + filters, 40, "µs"),
        Figure("of which filters", filters, "µs"),
        at_most("2,000 rules beside 20", many / few, 1.10, "times"),
    ]


def ruled(rules: int) -> Snapshots:
    """Sources with a plan of so many rules, all of them about other events but one."""
    held = snapshots_of(_SOURCES, plan_id="tp", transformations=_TRANSFORMATIONS)
    names = ["Order Completed", *(f"Event {number}" for number in range(1, rules))]
    plan = PlanSnapshot("tp", "w", 1, "Plan", [RuleSnapshot("TRACK", name, 1, _SCHEMA) for name in names])
    held.apply(SnapshotEnvelope(SnapshotKind.PLAN, plan.id, "w", 1, is_deleted=False), plan)
    return held


def filter_microseconds() -> float:
    """One destination's filters on an event that was decoded already."""
    filters = Filters(_FILTERS)
    event = event_of("m", 1)
    event["properties"] = {**event["properties"], "revenue": 27.5}  # type: ignore[dict-item]
    began = time.process_time()
    for _ in range(_FILTERED):
        filters.apply(event, "m")
    return (time.process_time() - began) / _FILTERED * 1e6
