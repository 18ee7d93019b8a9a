"""What is asked of the schema of a source, and told of it."""

from typing import Annotated, Any, Literal

from pydantic import Field

from penstock.api.query import number_to
from penstock.api.schema import Answer, Input, JsonObject
from penstock.api.times import OptionalTime

Kind = Literal["track", "identify", "page", "screen", "group", "alias"]
SAMPLES_LIMIT = 100
Name = Annotated[str, Field(max_length=255)]


class ListSchema(Input):
    day: OptionalTime = Field(default="", description="A day in UTC (ISO 8601); else all days count.")


class GetSchemaEvent(Input):
    type: Kind
    name: Name = ""


class GetSchemaSamples(GetSchemaEvent):
    count: Annotated[str, number_to(SAMPLES_LIMIT), Field(description="Events that are looked into.")] = "20"


class PropertySamples(Answer):
    path: str
    values: list[Any]


class SamplesAnswer(Answer):
    source_id: str
    events: int
    samples: list[PropertySamples]


class DraftPlan(Input):
    required_from: Annotated[
        str, number_to(10**9), Field(description="Events from which on a name that all of them had is required.")
    ] = "10"


class DraftRule(Answer):
    type: str
    key: str
    version: int
    json_schema: JsonObject


class DraftPlanAnswer(Answer):
    rules: list[DraftRule]


class SeenEvent(Answer):
    type: str
    name: str
    count: int
    properties: int
    first_seen_at: str
    last_seen_at: str


class SeenEventsAnswer(Answer):
    source_id: str
    events: list[SeenEvent]


class SeenProperty(Answer):
    path: str
    count: int
    types: dict[str, int]
    first_seen_at: str
    last_seen_at: str


class DayOfEvent(Answer):
    day: str
    count: int
    properties: dict[str, int]


class EventSchema(Answer):
    type: str
    name: str
    count: int
    first_seen_at: str
    last_seen_at: str
    properties: list[SeenProperty]
    days: list[DayOfEvent]


class EventSchemaAnswer(Answer):
    source_id: str
    event: EventSchema
