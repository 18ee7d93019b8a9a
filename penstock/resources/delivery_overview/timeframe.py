"""From when to when counts are asked for, and in steps of what size."""

from collections.abc import Mapping
from enum import StrEnum

import msgspec
from pydantic_core import PydanticCustomError

from penstock.api.errors import InputInvalid
from penstock.kit.time import format_iso, parse_iso

_MINUTE_MS = 60_000
_HOUR, _DAY = 60, 24 * 60


class Granularity(StrEnum):
    """The size of a step."""

    DAY = "DAY"
    HOUR = "HOUR"
    MINUTE = "MINUTE"

    @property
    def minutes(self) -> int:
        return _MINUTES[self]


_granularities = {each.value: each for each in Granularity}
_MINUTES = {Granularity.DAY: _DAY, Granularity.HOUR: _HOUR, Granularity.MINUTE: 1}


def granularity_of(word: object) -> Granularity:
    """The granularity that a query names. Raises PydanticCustomError where it is none."""
    found = _granularities.get(word) if isinstance(word, str) else None
    if found is None:
        raise PydanticCustomError("granularity", "must be one of DAY, HOUR, MINUTE")
    return found


class Bounds(msgspec.Struct, frozen=True):
    """What one granularity can be asked for, in minutes."""

    longest: int
    oldest: int
    """How long ago it may begin."""


class Timeframe(msgspec.Struct, frozen=True):
    """Minutes since the epoch, from `start` on, up to before `end`; a step has `width` of them."""

    start: int
    end: int
    width: int


def moment_of(text: str, field: str) -> int:
    """Milliseconds. Raises InputInvalid naming the field."""
    if (moment := parse_iso(text)) is None:
        raise InputInvalid(f'"{field}" is not an ISO-8601 time', field=field)
    return moment


def timeframe_of(
    start: str, end: str, granularity: Granularity, now_ms: int, bounds: Mapping[Granularity, Bounds]
) -> Timeframe:
    """Raises InputInvalid naming the field."""
    first, last = moment_of(start, "startTime"), moment_of(end, "endTime")
    if last <= first:
        raise InputInvalid('"endTime" must be after "startTime"', field="endTime")
    bound = bounds[granularity]
    if last - first > bound.longest * _MINUTE_MS:
        raise InputInvalid(
            f'"endTime" is more than {_spoken(bound.longest)} after "startTime", too much for {granularity}',
            field="endTime",
        )
    # The step in which the oldest moment lies counts too.
    if first < now_ms - (bound.oldest + granularity.minutes) * _MINUTE_MS:
        raise InputInvalid(
            f'"startTime" is more than {_spoken(bound.oldest)} ago, too much for {granularity}', field="startTime"
        )
    return Timeframe(first // _MINUTE_MS, -(-last // _MINUTE_MS), granularity.minutes)


def text_of(minute: int) -> str:
    return format_iso(minute * _MINUTE_MS)


def _spoken(minutes: int) -> str:
    return f"{minutes // _DAY} days" if minutes >= 3 * _DAY else f"{minutes // _HOUR} hours"
