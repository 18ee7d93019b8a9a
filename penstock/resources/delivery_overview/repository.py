"""Queries on outcome counters and on the fold's watermarks."""

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec
from sqlalchemy import func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from penstock.resources.delivery_overview.counters import Counters
from penstock.resources.delivery_overview.table import delivery_latencies, fold_watermarks, outcome_counts
from penstock.spec.facts import CountedLatency, CountedOutcome

DIMENSIONS = (
    "workspace_id",
    "source_id",
    "destination_id",
    "subscription_id",
    "outcome",
    "reason",
    "event_type",
    "event_name",
    "app_version",
    "minute",
)


class Watermark(msgspec.Struct, frozen=True):
    """Up to where a subject is folded: `position` in what it tells of, `sequence` in the stream it stands in."""

    position: int = 0
    sequence: int = 0


async def get_watermark(connection: AsyncConnection, subject: str) -> Watermark | None:
    query = select(fold_watermarks.c.position, fold_watermarks.c.sequence).where(fold_watermarks.c.subject == subject)
    row = (await connection.execute(query)).one_or_none()
    return None if row is None else Watermark(row.position, row.sequence)


async def put_watermark(connection: AsyncConnection, subject: str, watermark: Watermark) -> None:
    values = msgspec.structs.asdict(watermark)
    changed = await connection.execute(
        update(fold_watermarks).where(fold_watermarks.c.subject == subject).values(values)
    )
    if changed.rowcount == 0:
        await connection.execute(insert(fold_watermarks).values({"subject": subject, **values}))


async def select_watermarks(connection: AsyncConnection) -> dict[str, Watermark]:
    rows = await connection.execute(select(fold_watermarks))
    return {row.subject: Watermark(row.position, row.sequence) for row in rows}


OUTCOMES = Counters(
    outcome_counts, DIMENSIONS, ("count", "retries"), {"event_name": 255, "app_version": 64, "reason": 255}
)
LATENCIES = Counters(
    delivery_latencies, ("workspace_id", "source_id", "destination_id", "minute", "bucket"), ("count",)
)


async def add_counts(connection: AsyncConnection, outcomes: Iterable[CountedOutcome]) -> None:
    await OUTCOMES.add(connection, outcomes)


async def add_latencies(connection: AsyncConnection, latencies: Iterable[CountedLatency]) -> None:
    await LATENCIES.add(connection, latencies)


async def select_totals(
    connection: AsyncConnection, workspace_id: str, by: Iterable[str], filters: Mapping[str, str]
) -> list[dict[str, Any]]:
    """Counts summed by the dimensions `by`; an empty workspace id means all of them."""
    columns = [outcome_counts.c[name] for name in by]
    query = select(*columns, func.sum(outcome_counts.c.count), func.sum(outcome_counts.c.retries))
    if workspace_id:
        query = query.where(outcome_counts.c.workspace_id == workspace_id)
    for name, value in filters.items():
        query = query.where(outcome_counts.c[name] == value)
    rows = await connection.execute(query.group_by(*columns).order_by(*columns))
    names = [*by, "count", "retries"]
    return [dict(zip(names, (*row[:-2], int(row[-2]), int(row[-1])), strict=True)) for row in rows]
