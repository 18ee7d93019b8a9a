"""What is asked and told of the volume of events."""

from typing import Annotated

from pydantic import BeforeValidator, Field

from penstock.api.query import listed
from penstock.api.schema import Answer, Input, Pagination
from penstock.resources.delivery_overview import Granularity, granularity_of

Moment = Annotated[str, Field(max_length=64)]
Words = Annotated[list[Annotated[str, Field(max_length=255)]], BeforeValidator(listed), Field(max_length=100)]
GROUPS = {"eventName": "event_name", "eventType": "event_type", "source": "source_id"}
"""The counters' column of what can be grouped by."""


class EventsVolumeQuery(Input):
    granularity: Annotated[Granularity, BeforeValidator(granularity_of)]
    start_time: Moment
    end_time: Moment
    group_by: Words = Field(default=[])
    source_id: Words = Field(default=[])
    event_name: Words = Field(default=[])
    event_type: Words = Field(default=[])
    app_version: Words = Field(default=[])


class AnsweredQuery(Answer):
    workspace_id: str
    granularity: str
    start_time: str
    end_time: str
    group_by: list[str] = Field(default=[])
    source_id: list[str] = Field(default=[])
    event_name: list[str] = Field(default=[])
    event_type: list[str] = Field(default=[])
    app_version: list[str] = Field(default=[])


class EventSource(Answer):
    id: str
    name: str = ""
    slug: str = ""


class Datapoint(Answer):
    time: str
    count: int


class Volume(Answer):
    source: EventSource | None = None
    event_name: str = ""
    event_type: str = ""
    total: int
    series: list[Datapoint]


class EventsVolumeAnswer(Answer):
    path: str
    query: AnsweredQuery
    result: list[Volume]
    pagination: Pagination
