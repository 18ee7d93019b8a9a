"""Queries on counters as series over time: which groups there are, and the steps of those that are shown."""

from collections.abc import Mapping, Sequence

import msgspec
from sqlalchemy import ColumnElement, func, literal_column, select, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from penstock.resources.delivery_overview.table import delivery_latencies as latencies
from penstock.resources.delivery_overview.table import outcome_counts as counts
from penstock.resources.delivery_overview.timeframe import Timeframe
from penstock.spec.outcome import Outcome

Words = tuple[str, ...]


class Wanted(msgspec.Struct, frozen=True):
    """Which counters: of all outcomes where none is named.

    `among` are the values that a dimension may have, by its name; `within` further conditions.
    """

    workspace_id: str
    outcomes: tuple[Outcome, ...]
    timeframe: Timeframe
    among: Mapping[str, Sequence[str]] = {}
    within: Sequence[ColumnElement[bool]] = ()

    def where(self) -> list[ColumnElement[bool]]:
        found = [
            counts.c.workspace_id == self.workspace_id,
            counts.c.minute >= self.timeframe.start,
            counts.c.minute < self.timeframe.end,
            *self.within,
        ]
        if self.outcomes:
            found.append(counts.c.outcome.in_(self.outcomes))
        return [*found, *(counts.c[name].in_(list(values)) for name, values in self.among.items())]


class Group(msgspec.Struct, frozen=True):
    """The counts of one combination of values, `key`, in the order of the dimensions that were grouped by."""

    key: Words
    total: int
    retries: int


def group_key(group: Group) -> tuple[int, str]:
    """By which groups are sorted: the largest first."""
    return -group.total, "\x1f".join(group.key)


class Point(msgspec.Struct, frozen=True):
    """One step of a group; `minute` is where it begins."""

    minute: int
    count: int
    retries: int


async def select_groups(
    connection: AsyncConnection, wanted: Wanted, by: Sequence[str], limit: int
) -> tuple[list[Group], int]:
    """The groups, the largest first, and what all of them count."""
    columns = [counts.c[name] for name in by]
    total, retries = func.sum(counts.c.count), func.sum(counts.c.retries)
    query = select(*columns, total, retries).where(*wanted.where())
    if columns:
        query = query.group_by(*columns).order_by(total.desc(), *columns).limit(limit)
    rows = (await connection.execute(query)).all()
    found = [Group(tuple(row[:-2]), int(row[-2]), int(row[-1])) for row in rows if row[-2] is not None]
    whole = (await connection.execute(select(total).where(*wanted.where()))).scalar()
    return sorted(found, key=group_key), int(whole or 0)


async def select_points(
    connection: AsyncConnection, wanted: Wanted, by: Sequence[str], groups: Sequence[Group]
) -> dict[Words, list[Point]]:
    """Steps in which anything was counted, by group, in the order of time."""
    if not groups:
        return {}
    columns = [counts.c[name] for name in by]
    width = wanted.timeframe.width
    # A bound parameter would make two expressions of it, which some databases then refuse to group by.
    step: ColumnElement[int] = literal_column(f"minute - (minute % {width:d})")
    where = wanted.where()
    if columns:
        where.append(tuple_(*columns).in_([group.key for group in groups]))
    query = select(*columns, step, func.sum(counts.c.count), func.sum(counts.c.retries)).where(*where)
    found: dict[Words, list[Point]] = {}
    for row in await connection.execute(query.group_by(*columns, step).order_by(step)):
        found.setdefault(tuple(row[:-3]), []).append(Point(int(row[-3]), int(row[-2]), int(row[-1])))
    return found


async def select_latencies(connection: AsyncConnection, wanted: Wanted) -> dict[int, int]:
    """Deliveries by bucket. Of what is wanted, sources and destinations are looked at."""
    where = [
        latencies.c.workspace_id == wanted.workspace_id,
        latencies.c.minute >= wanted.timeframe.start,
        latencies.c.minute < wanted.timeframe.end,
        *(latencies.c[name].in_(list(values)) for name, values in wanted.among.items() if name in latencies.c),
    ]
    query = select(latencies.c.bucket, func.sum(latencies.c.count)).where(*where).group_by(latencies.c.bucket)
    return {bucket: int(number) for bucket, number in await connection.execute(query)}
