"""What the Delivery Overview is asked, and what it tells."""

from collections.abc import Mapping
from typing import Annotated

from pydantic import BeforeValidator, Field

from penstock.api.query import listed
from penstock.api.schema import Answer, Input, Pagination
from penstock.resources.delivery_overview.timeframe import Granularity, granularity_of

Moment = Annotated[str, Field(max_length=64)]
Identifier = Annotated[str, Field(min_length=1, max_length=255)]
Step = Annotated[Granularity, BeforeValidator(granularity_of)]
Words = Annotated[list[Annotated[str, Field(max_length=255)]], BeforeValidator(listed), Field(max_length=100)]
GroupBy = Annotated[list[str], BeforeValidator(listed), Field(max_length=10)]


class Filter(Input):
    """Values of which one must be there, by dimension. What an operation does not know, its contract leaves out."""

    discard_reason: Words = Field(default=[])
    event_name: Words = Field(default=[])
    event_type: Words = Field(default=[])
    app_version: Words = Field(default=[])
    subscription_id: Words = Field(default=[])
    activation_id: Words = Field(default=[])
    audience_id: Words = Field(default=[])
    space_id: Words = Field(default=[])


class OfSource(Input):
    source_id: Identifier
    start_time: Moment
    end_time: Moment
    granularity: Step
    group_by: GroupBy = Field(default=[])
    filter: Filter = Field(default=Filter())


class OfDestination(OfSource):
    destination_config_id: Identifier


class Datapoint(Answer):
    time: str
    count: int
    retry_count: int = 0


class Dataset(Answer):
    event_name: str = ""
    event_type: str = ""
    discard_reason: str = ""
    app_version: str = ""
    total: int
    total_retry_count: int = 0
    series: list[Datapoint]


class MetricsAnswer(Answer):
    total: int
    dataset: list[Dataset]
    pagination: Pagination


COLUMNS: Mapping[str, str] = {
    "eventName": "event_name",
    "eventType": "event_type",
    "discardReason": "reason",
    "appVersion": "app_version",
    "subscriptionId": "subscription_id",
}
"""The counters' column of what can be grouped by and filtered for."""
ABSENT = ("activationId", "audienceId", "spaceId")
"""Known names of what no event of ours has: all are one group, and no value is ever found."""
