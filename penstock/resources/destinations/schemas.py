"""What the API takes and tells of destinations and their subscriptions, per contract."""

from typing import Annotated

from pydantic import Field

from penstock.api.schema import Answer, Input, JsonObject, Pagination
from penstock.resources.catalog import DestinationMetadata, SeedDestinationMetadata

Name = Annotated[str, Field(max_length=255)]


class CreateDestination(Input):
    source_id: str
    metadata_id: str
    settings: JsonObject
    enabled: bool = False
    name: Name = ""


class CreateDestinationSeed(CreateDestination):
    settings: JsonObject = Field(default={})


class UpdateDestination(Input):
    name: Name | None = None
    enabled: bool = False
    settings: JsonObject = Field(default={})


class UpdateDestinationSeed(UpdateDestination):
    name: Name = ""


class Destination(Answer):
    """`name` is there where one was given: a client that gave none must not read one back."""

    id: str
    name: str = ""
    enabled: bool
    metadata: DestinationMetadata
    source_id: str
    settings: JsonObject


class SeedLabel(Answer):
    key: str
    value: str


class SeedDestination(Destination):
    metadata: SeedDestinationMetadata
    labels: list[SeedLabel]


class DestinationAnswer(Answer):
    destination: Destination


class SeedDestinationAnswer(Answer):
    destination: SeedDestination


class DestinationsAnswer(Answer):
    destinations: list[Destination]
    pagination: Pagination


class SeedDestinationsAnswer(Answer):
    destinations: list[SeedDestination]
    pagination: Pagination


class Schedule(Input):
    """When a reverse ETL model sends; kept for the model that the subscription names."""

    strategy: Annotated[str, Field(pattern="^(CRON|DBT_CLOUD|MANUAL|PERIODIC|SPECIFIC_DAYS)$")]
    config: JsonObject | None = None


class CreateSubscription(Input):
    name: Name
    action_id: str
    trigger: str
    enabled: bool
    settings: JsonObject = Field(default={})
    model_id: str = ""


class SubscriptionChanges(Input):
    name: Name = ""
    trigger: str = ""
    enabled: bool = False
    settings: JsonObject = Field(default={})
    reverse_etl_model_id: str = Field(default="", alias="reverseETLModelId")
    reverse_etl_schedule: Schedule | None = Field(default=None, alias="reverseETLSchedule")


class UpdateSubscription(Input):
    """The changes are wrapped."""

    input: SubscriptionChanges


class Subscription(Answer):
    id: str
    name: str
    action_id: str
    action_slug: str
    destination_id: str
    enabled: bool
    settings: JsonObject
    trigger: str
    model_id: str = ""
    reverse_etl_schedule: JsonObject = Field(default={}, alias="reverseETLSchedule")


class CreateSubscriptionAnswer(Answer):
    destination_subscription: Subscription


class SubscriptionAnswer(Answer):
    subscription: Subscription


class SubscriptionsAnswer(Answer):
    subscriptions: list[Subscription]
    pagination: Pagination
