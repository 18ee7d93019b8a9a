"""What can be tried out, and what is told."""

from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from penstock.api.query import place_of
from penstock.api.schema import Answer, Input, JsonObject
from penstock.api.times import Time
from penstock.resources.destination_filters import PreviewedFilter
from penstock.resources.sources import UpdateSchemaFilters, UpdateSchemaSettings
from penstock.resources.tracking_plans import RuleInput
from penstock.resources.transformations import AskedTransformation

EVENTS_LIMIT = 1_000_000
"""Events of one request."""


def _as_listed(*told: str) -> BeforeValidator:
    """Takes what the lists of the API tell: without these fields, and without what is switched off."""

    def read(found: Any) -> Any:
        if not isinstance(found, list):
            return found
        objects = [each for each in found if not isinstance(each, dict) or each.get("enabled") is not False]
        return [
            {name: value for name, value in each.items() if name not in told} if isinstance(each, dict) else each
            for each in objects
        ]

    return BeforeValidator(read)


_OF_RULE = _as_listed("createdAt", "updatedAt", "deprecatedAt")
_OF_TRANSFORMATION = ("id", "name", "sourceId", "enabled")
_OF_FILTER = _as_listed("id", "sourceId", "destinationId", "title", "description", "enabled", "createdAt", "updatedAt")


class WhatIf(Input):
    """What is sent stands in the place of what there is; what is not sent stays as it is."""

    source_id: str = Field(description="Whose accepted events are judged.")
    since: Time = Field(description="Those that were accepted at this time (ISO 8601) or later.")
    until: Time = Field(description="Those that were accepted before this time (ISO 8601).")
    rules: Annotated[list[RuleInput], Field(max_length=2_000), _OF_RULE] | None = Field(
        default=None, description="Of its tracking plan."
    )
    settings: UpdateSchemaSettings | None = Field(default=None, description="Its schema settings, field by field.")
    schema_filters: UpdateSchemaFilters | None = Field(default=None, description="Its filters by name.")
    transformations: (
        Annotated[list[AskedTransformation], Field(max_length=200), _as_listed(*_OF_TRANSFORMATION)] | None
    ) = Field(default=None, description="Of the source: all of them.")
    destination_id: str = Field(default="", description="What would this destination get?")
    filters: Annotated[list[PreviewedFilter], Field(max_length=10), _OF_FILTER] | None = Field(
        default=None, description="Of the destination: all of them."
    )
    destination_transformations: (
        Annotated[
            list[AskedTransformation],
            Field(max_length=200),
            _as_listed(*_OF_TRANSFORMATION, "destinationMetadataId"),
        ]
        | None
    ) = Field(default=None, description="Of the destination: all of them.")
    limit: Annotated[int, Field(ge=1, le=EVENTS_LIMIT, description="Events after which it stops.")] = 100_000
    after: Annotated[str, place_of(2), Field(description="Where it goes on: `next` of the answer before.")] = ""


class Difference(Answer):
    message_id: str
    event_type: str
    event_name: str
    before_ending: str
    after_ending: str
    before: JsonObject | None = None
    after: JsonObject | None = None


class WhatIfAnswer(Answer):
    events: int
    before: dict[str, int]
    after: dict[str, int]
    changed: int
    samples: list[Difference]
    next: str = ""
