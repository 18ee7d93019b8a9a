"""Sums over the days of a month: what was used up to the end of each."""

from collections.abc import Iterable, Iterator
from typing import Protocol, TypeVar

from penstock.resources.usage.period import Period
from penstock.resources.usage.repository import UsageOfDay

V_co = TypeVar("V_co", covariant=True)


class Sum(Protocol[V_co]):
    """What grows with every day's usage."""

    def add(self, used: UsageOfDay) -> None: ...

    def value(self) -> V_co:
        """As it stands; later days do not change it."""
        ...


S = TypeVar("S")


def of_workspace(period: Period, found: Iterable[UsageOfDay], total: Sum[S]) -> list[tuple[int, S]]:
    """(day, sum) of every day of the period, also of those without usage."""
    by_day = _by_day(found)
    rows = []
    for day in period.days():
        for used in by_day.get(day, ()):
            total.add(used)
        rows.append((day, total.value()))
    return rows


def of_sources(period: Period, found: Iterable[UsageOfDay], new: type[Sum[S]]) -> list[tuple[int, str, S]]:
    """(day, source id, sum), of each source from the first day on which it has used anything."""
    by_day = _by_day(found)
    sums: dict[str, Sum[S]] = {}
    values: dict[str, S] = {}
    rows: list[tuple[int, str, S]] = []
    for day in period.days():
        for used in by_day.get(day, ()):
            total = sums.setdefault(used.source_id, new())
            total.add(used)
            values[used.source_id] = total.value()
        rows += _sorted(day, values)
    return rows


def _sorted(day: int, values: dict[str, S]) -> Iterator[tuple[int, str, S]]:
    return ((day, source_id, values[source_id]) for source_id in sorted(values))


def _by_day(found: Iterable[UsageOfDay]) -> dict[int, list[UsageOfDay]]:
    by_day: dict[int, list[UsageOfDay]] = {}
    for used in found:
        by_day.setdefault(used.day, []).append(used)
    return by_day
