"""The event delivery metrics of one destination: what became of its deliveries, summed over a time."""

from collections import Counter
from collections.abc import Mapping, Sequence

import msgspec
from sqlalchemy.ext.asyncio import AsyncConnection

from penstock.resources.delivery_overview.series import Group, Wanted, select_groups, select_latencies
from penstock.spec.facts import latency_limit
from penstock.spec.outcome import DestinationReason, Outcome

_REASONS_LIMIT = 1_000


class Metric(msgspec.Struct, frozen=True):
    """A sum, and what it is made of by name."""

    name: str
    total: int
    parts: dict[str, int]


async def select_metrics(connection: AsyncConnection, wanted: Wanted) -> list[Metric]:
    """Every metric, also those of nothing. Parts are counts, but for `latency.p95`: milliseconds."""
    groups, _ = await select_groups(connection, wanted, ("outcome", "reason"), _REASONS_LIMIT)
    return [
        _metric("successes", groups, Outcome.DELIVERED, ""),
        _metric("expired", groups, Outcome.FAILED_DELIVERY, "", (DestinationReason.EXPIRED,)),
        _metric("errors.discarded", groups, Outcome.FAILED_DELIVERY, "errors.discarded."),
        _metric("errors.awaiting-retry", groups, Outcome.AWAITING_RETRY, "errors.awaiting-retry."),
        await _latency(connection, wanted),
    ]


async def _latency(connection: AsyncConnection, wanted: Wanted) -> Metric:
    """From when events were received until they were delivered, whichever attempt did it."""
    buckets = await select_latencies(connection, wanted)
    total = sum(buckets.values())
    return Metric("latency", total, {"latency.p95": percentile(buckets, 95)} if total else {})


def percentile(buckets: Mapping[int, int], percent: int) -> int:
    """What so many percent of the measured do not exceed, in milliseconds; there is at least one."""
    missing = -(-sum(buckets.values()) * percent // 100)
    for bucket in sorted(buckets):
        missing -= buckets[bucket]
        if missing <= 0:
            break
    return latency_limit(bucket)


def _metric(name: str, groups: Sequence[Group], outcome: Outcome, prefix: str, only: Sequence[str] = ()) -> Metric:
    parts: Counter[str] = Counter()
    for group in groups:
        found, reason = group.key
        is_expired = reason == DestinationReason.EXPIRED
        if found == outcome and (reason in only if only else not is_expired):
            parts[f"{prefix}{reason}"] += group.total
    return Metric(name, sum(parts.values()), {} if only else dict(parts))
