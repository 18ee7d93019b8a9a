"""The month that usage is asked for, and its days so far."""

from datetime import UTC, date, datetime, timedelta
from typing import Annotated

import msgspec
from pydantic import Field

from penstock.api.errors import InputInvalid
from penstock.api.schema import Input
from penstock.kit.time import format_iso, parse_iso

_DAY_MS = 86_400_000
_EPOCH = date(1970, 1, 1)


class UsageQuery(Input):
    period: Annotated[str, Field(max_length=64)]


class Period(msgspec.Struct, frozen=True):
    """One month in UTC; days count from the epoch. `last` is today where the month has not ended."""

    first: int
    last: int
    following: int
    """The first day of the next month."""

    def days(self) -> range:
        return range(self.first, self.last + 1)


def period_of(text: str, now_ms: int) -> Period:
    """Raises InputInvalid naming the field."""
    moment = parse_iso(text)
    if moment is None:
        raise InputInvalid('"period" is not an ISO-8601 date', field="period")
    day = datetime.fromtimestamp(moment / 1000, UTC).date()
    if day.day != 1 or moment % _DAY_MS:
        raise InputInvalid(f'"period" must be the first day of a month, as {day.replace(day=1)}', field="period")
    first = (day - _EPOCH).days
    following = ((day + timedelta(days=31)).replace(day=1) - _EPOCH).days
    return Period(first, min(following - 1, now_ms // _DAY_MS), following)


def seconds_of(day: int) -> int:
    return day * (_DAY_MS // 1000)


def text_of(day: int) -> str:
    return format_iso(day * _DAY_MS)
