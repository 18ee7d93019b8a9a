"""Queries on outcome counters and on the fold's watermarks."""

import hashlib
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec
from sqlalchemy import bindparam, delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from penstock.resources.delivery_overview.table import fold_watermarks, outcome_counts
from penstock.spec.facts import CountedOutcome

DIMENSIONS = (
    "workspace_id",
    "source_id",
    "destination_id",
    "subscription_id",
    "outcome",
    "reason",
    "event_type",
    "event_name",
    "minute",
)
_LOOKED_UP_AT_ONCE = 500


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


async def add_counts(connection: AsyncConnection, outcomes: Iterable[CountedOutcome]) -> None:
    """Add to the counters that are there, make those that are not."""
    summed = _summed(outcomes)
    present = await _present(connection, list(summed))
    added = [row for key, row in summed.items() if key not in present]
    changed = [
        {"row_id": key, "more": row["count"], "more_retries": row["retries"]}
        for key, row in summed.items()
        if key in present
    ]
    if added:
        await connection.execute(insert(outcome_counts), added)
    if changed:
        statement = update(outcome_counts).where(outcome_counts.c.id == bindparam("row_id"))
        values = {
            "count": outcome_counts.c.count + bindparam("more"),
            "retries": outcome_counts.c.retries + bindparam("more_retries"),
        }
        await connection.execute(statement.values(values), changed)


async def _present(connection: AsyncConnection, keys: list[str]) -> set[str]:
    found: set[str] = set()
    for start in range(0, len(keys), _LOOKED_UP_AT_ONCE):
        part = keys[start : start + _LOOKED_UP_AT_ONCE]
        found.update(
            (await connection.execute(select(outcome_counts.c.id).where(outcome_counts.c.id.in_(part)))).scalars()
        )
    return found


async def select_counts_before(connection: AsyncConnection, minute: int, limit: int) -> list[str]:
    """Ids of counters of earlier minutes."""
    query = select(outcome_counts.c.id).where(outcome_counts.c.minute < minute).limit(limit)
    return list((await connection.execute(query)).scalars())


async def delete_counts(connection: AsyncConnection, identifiers: list[str]) -> None:
    await connection.execute(delete(outcome_counts).where(outcome_counts.c.id.in_(identifiers)))


def _summed(outcomes: Iterable[CountedOutcome]) -> dict[str, dict[str, Any]]:
    summed: dict[str, dict[str, Any]] = {}
    for outcome in outcomes:
        row = {name: getattr(outcome, name) for name in DIMENSIONS}
        row["event_name"] = row["event_name"][:255]
        row["reason"] = row["reason"][:255]
        known = summed.setdefault(_key(row), {**row, "count": 0, "retries": 0})
        known["id"] = _key(row)
        known["count"] += outcome.count
        known["retries"] += outcome.retries
    return summed


def _key(row: Mapping[str, Any]) -> str:
    text = "\x1f".join(str(row[name]) for name in DIMENSIONS)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


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
