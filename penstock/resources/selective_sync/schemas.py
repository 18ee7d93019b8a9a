"""What the API takes and tells of selective syncs and schedules."""

from typing import Annotated, Any

from pydantic import Field, PlainValidator
from pydantic_core import PydanticCustomError

from penstock.api.schema import Answer, Input, Pagination

Name = Annotated[str, Field(min_length=1, max_length=255)]


def _hour(value: Any) -> int:
    """A number of the contract, which a client may spell 7.0."""
    if isinstance(value, bool) or not isinstance(value, int | float) or value != int(value) or not 0 <= value <= 23:
        raise PydanticCustomError("hour", "must be an hour from 0 to 23")
    return int(value)


class Time(Input):
    hour_of_day: Annotated[int, PlainValidator(_hour)]
    enabled: bool


class Schedule(Input):
    times: Annotated[list[Time], Field(max_length=24)]
    timezone: Annotated[str, Field(max_length=64)]


class ReplaceSchedule(Input):
    enabled: bool
    schedule: Schedule | None = None


class TimeView(Answer):
    hour_of_day: int
    enabled: bool


class ScheduleView(Answer):
    times: list[TimeView]
    timezone: str


class ScheduleAnswer(Answer):
    enabled: bool
    schedule: ScheduleView | None = None


class Override(Input):
    source_id: str
    collection: Name = ""
    property: Name = ""
    enabled: bool


class UpdateSelectiveSync(Input):
    sync_overrides: Annotated[list[Override], Field(min_length=1, max_length=1_000)]


class UpdateSelectiveSyncAnswer(Answer):
    """`UPDATED` or `UNCHANGED`."""

    status: str
    warnings: list[str]


class SelectiveSync(Answer):
    source_id: str
    collection: str
    warehouse_id: str
    enabled: bool
    properties: dict[str, bool]


class SelectiveSyncsAnswer(Answer):
    items: list[SelectiveSync]
    pagination: Pagination
