"""What is asked of violations and told of them."""

from typing import Annotated

from pydantic import BeforeValidator, Field

from penstock.api.query import listed, number_to
from penstock.api.schema import Answer, Input, JsonObject
from penstock.api.times import OptionalTime

LIMIT = 1_000
Text = Annotated[str, Field(max_length=500)]


class ListViolations(Input):
    """All that is set must hold. Whole days (UTC) count."""

    source_id: Text = Field(default="", description="Events of this source.")
    event_type: Text = Field(default="", description="Such as `track`.")
    event: Text = Field(default="", description="The name of a tracked event, a page or a screen, exactly.")
    rule_type: Text = Field(default="", description="Such as `TRACK` or `COMMON`.")
    field: Text = Field(
        default="", description="The path from the root of the event, in which `$` stands for each item of an array."
    )
    kind: Text = Field(default="", description="Such as `Required` or `Invalid Type`.")
    since: OptionalTime = Field(
        default="", description="On the day (UTC) of this time (ISO 8601) or later; else 30 days."
    )
    until: OptionalTime = Field(default="", description="On the day (UTC) of this time (ISO 8601) or before.")
    count: Annotated[str, number_to(LIMIT), Field(description="How many at most.")] = "200"


class ListViolatingEvents(Input):
    source_id: Annotated[str, Field(min_length=1, max_length=255)]
    message_ids: Annotated[
        list[Text], BeforeValidator(listed), Field(min_length=1, max_length=20, description="As samples tell them.")
    ]


class ViolatingEventsAnswer(Answer):
    events: list[JsonObject]


class ViolationSample(Answer):
    message_id: str
    time: str
    description: str


class ViolatedRule(Answer):
    type: str
    key: str
    version: int | float


class Violation(Answer):
    source_id: str
    event_type: str
    event_name: str
    rule: ViolatedRule
    field: str
    kind: str
    count: int
    first_seen_at: str
    last_seen_at: str
    samples: list[ViolationSample]


class ViolationsAnswer(Answer):
    violations: list[Violation]
    total: int
