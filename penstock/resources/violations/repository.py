"""Queries on violations: what facts add, and what is asked."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from penstock.api.unit import Unit
from penstock.resources.day_counts import DayCounts, Row, add, digest, row_of
from penstock.resources.violations.table import violation_counts as counts
from penstock.spec.facts import ViolatedOnDay
from penstock.spec.findings import OTHER, ViolationSample

WAYS_LIMIT = 1_000
"""Ways of violating of one source that have counts of their own on one day; further ones are `other`."""
SAMPLES = 5
BY = ("source_id", "event_type", "event_name", "rule_type", "rule_key", "rule_version", "field", "kind")
_LOOKED_UP_AT_ONCE = 500
_counts = DayCounts(counts, "samples")
_samples = msgspec.json.Decoder(list[ViolationSample])


class ViolationGroup(msgspec.Struct, frozen=True):
    """One way of violating, over some days."""

    way: str
    source_id: str
    event_type: str
    event_name: str
    rule_type: str
    rule_key: str
    rule_version: float
    field: str
    kind: str
    count: int
    first: int
    last: int


async def add_violations(connection: AsyncConnection, violated: Iterable[ViolatedOnDay]) -> None:
    """Add to the counts that are there, make those that are not while the source's day has room for them."""
    by_day: dict[tuple[str, int], list[ViolatedOnDay]] = {}
    for each in violated:
        by_day.setdefault((each.source_id, each.day), []).append(each)
    known = await _counts.known(connection, {_id(each) for of_day in by_day.values() for each in of_day})
    rows: dict[str, Row] = {}
    for (source_id, day), of_day in by_day.items():
        room = WAYS_LIMIT
        if any(_id(each) not in known for each in of_day):
            room -= await _counts.size(connection, source_id, day)
            known |= await _counts.known(connection, {_id(_as_other(each)) for each in of_day})
        rows |= _summed(of_day, known, room)
    await _counts.write(connection, rows, known)


def _as_other(each: ViolatedOnDay) -> ViolatedOnDay:
    return msgspec.structs.replace(each, event_name=OTHER, rule_key=OTHER, rule_version=0.0, field=OTHER, kind=OTHER)


def _summed(violated: Iterable[ViolatedOnDay], known: Mapping[str, Any], room: int) -> dict[str, Row]:
    """Whole rows by id. What is neither known nor has room is `other`."""
    rows: dict[str, Row] = {}
    samples: dict[str, list[ViolationSample]] = {}
    for each in violated:
        key, counted = _id(each), each
        if key not in known and key not in rows:
            if room <= 0:
                counted = _as_other(each)
                key = _id(counted)
            room -= 1
        if key not in rows:
            before = known.get(key)
            rows[key] = row_of(key, counted, counted.day, before) | {name: getattr(counted, name) for name in BY}
            rows[key]["way"] = _digest(counted, BY)
            samples[key] = _samples.decode(before.samples) if before else []
        add(rows[key], counted)
        samples[key] = [*samples[key], *each.samples][-SAMPLES:]
    return {key: row | {"samples": _encoded(samples[key])} for key, row in rows.items()}


async def select_violations(
    connection: AsyncConnection, workspace_id: str, days: range, among: Mapping[str, str], limit: int
) -> tuple[list[ViolationGroup], int]:
    """The most frequent ways first, at most `limit`; and how many there are."""
    where = [counts.c.workspace_id == workspace_id, counts.c.day >= days.start, counts.c.day < days.stop]
    where += [counts.c[name] == value for name, value in among.items() if value]
    by = [counts.c[name] for name in ("way", *BY)]
    number = func.sum(counts.c.count)
    query = select(*by, number, func.min(counts.c.first), func.max(counts.c.last)).where(*where).group_by(*by)
    rows = await connection.execute(query.order_by(number.desc(), counts.c.way).limit(limit))
    names = ViolationGroup.__struct_fields__
    groups = [ViolationGroup(**dict(zip(names, row, strict=True)) | {"count": int(row[9])}) for row in rows]
    total = await connection.execute(select(func.count(counts.c.way.distinct())).where(*where))
    return groups, int(total.scalar_one())


async def select_samples(
    connection: AsyncConnection, workspace_id: str, days: range, ways: Sequence[str]
) -> dict[str, list[ViolationSample]]:
    """The last ones of each way."""
    found: dict[str, list[ViolationSample]] = {}
    where = [counts.c.workspace_id == workspace_id, counts.c.day >= days.start, counts.c.day < days.stop]
    for start in range(0, len(ways), _LOOKED_UP_AT_ONCE):
        of_ways = counts.c.way.in_(ways[start : start + _LOOKED_UP_AT_ONCE])
        query = select(counts.c.way, counts.c.samples).where(*where, of_ways).order_by(counts.c.day)
        for way, samples in await connection.execute(query):
            found[way] = [*found.get(way, []), *_samples.decode(samples)][-SAMPLES:]
    return found


async def forget_source(unit: Unit, source_id: str) -> None:
    """What happens here when a source is deleted."""
    await _counts.forget_source(unit, source_id)


def _encoded(samples: list[ViolationSample]) -> str:
    return msgspec.json.encode(samples).decode()


def _id(each: ViolatedOnDay) -> str:
    return _digest(each, ("day", *BY))


def _digest(each: ViolatedOnDay, names: Iterable[str]) -> str:
    return digest(*(getattr(each, name) for name in names))
