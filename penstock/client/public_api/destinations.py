"""Destinations: The configured receivers of a source's events, and their subscriptions.

Written by `make docs`; edits here are lost.
"""

from typing import Any, Literal, NotRequired, TypedDict

from penstock.client.asking import Ask, quoted
from penstock.client.public_api.shared import (
    ActionOutput,
    Component,
    Deleted,
    Features,
    Granularity,
    Logos,
    Option,
    Pagination,
    Platforms,
    Preset,
    SeedDestinationMetadata,
)


class CreateDestinationSeed(TypedDict):
    sourceId: str
    metadataId: str
    settings: NotRequired[dict[str, Any]]
    enabled: NotRequired[bool]
    name: NotRequired[str]


class SeedLabel(TypedDict):
    key: str
    value: str


class SeedDestination(TypedDict):
    id: str
    name: NotRequired[str]
    enabled: bool
    metadata: SeedDestinationMetadata
    sourceId: str
    settings: dict[str, Any]
    labels: list[SeedLabel]


class SeedDestinationAnswer(TypedDict):
    destination: SeedDestination


class SeedDestinationsAnswer(TypedDict):
    destinations: list[SeedDestination]
    pagination: Pagination


class UpdateDestinationSeed(TypedDict):
    name: NotRequired[str]
    enabled: NotRequired[bool]
    settings: NotRequired[dict[str, Any]]


class Methods(TypedDict):
    pageview: bool
    identify: bool
    alias: bool
    track: bool
    group: bool


class DestinationMetadata(TypedDict):
    id: str
    name: str
    description: str
    slug: str
    logos: Logos
    options: list[Option]
    status: str
    previousNames: list[str]
    categories: list[str]
    website: str
    components: list[Component]
    supportedFeatures: Features
    supportedMethods: Methods
    supportedPlatforms: Platforms
    actions: list[ActionOutput]
    presets: list[Preset]
    partnerOwned: NotRequired[bool]
    supportedRegions: NotRequired[list[str]]
    regionEndpoints: NotRequired[list[str]]


class Destination(TypedDict):
    """`name` is there where one was given: a client that gave none must not read one back."""

    id: str
    name: NotRequired[str]
    enabled: bool
    metadata: DestinationMetadata
    sourceId: str
    settings: dict[str, Any]


class DestinationsAnswer(TypedDict):
    destinations: list[Destination]
    pagination: Pagination


class Part(TypedDict):
    metricName: str
    value: int


class MetricView(TypedDict):
    metricName: str
    total: int
    breakdown: NotRequired[list[Part]]


class Summary(TypedDict):
    sourceId: str
    destinationMetadataId: str
    metrics: list[MetricView]


class SummaryAnswer(TypedDict):
    deliveryMetricsSummary: Summary


class CreateSubscription(TypedDict):
    name: str
    actionId: str
    trigger: str
    enabled: bool
    settings: NotRequired[dict[str, Any]]
    modelId: NotRequired[str]


class Subscription(TypedDict):
    id: str
    name: str
    actionId: str
    actionSlug: str
    destinationId: str
    enabled: bool
    settings: dict[str, Any]
    trigger: str
    modelId: NotRequired[str]
    reverseETLSchedule: NotRequired[dict[str, Any]]


class CreateSubscriptionAnswer(TypedDict):
    destinationSubscription: Subscription


class SubscriptionsAnswer(TypedDict):
    subscriptions: list[Subscription]
    pagination: Pagination


class SubscriptionAnswer(TypedDict):
    subscription: Subscription


class DestinationsSchedule(TypedDict):
    """When a reverse ETL model sends; kept for the model that the subscription names."""

    strategy: str
    config: NotRequired[dict[str, Any] | None]


class SubscriptionChanges(TypedDict):
    name: NotRequired[str]
    trigger: NotRequired[str]
    enabled: NotRequired[bool]
    settings: NotRequired[dict[str, Any]]
    reverseETLModelId: NotRequired[str]
    reverseETLSchedule: NotRequired[DestinationsSchedule | None]


class UpdateSubscription(TypedDict):
    """The changes are wrapped."""

    input: SubscriptionChanges


class Consent(TypedDict):
    destinationId: str
    categories: list[str]


class ConsentAnswer(TypedDict):
    consent: Consent


class UpdateConsent(TypedDict):
    categories: list[str]


class IntegrationFilter(TypedDict):
    """Tracked events are told apart by their names; other types are switched off whole, and have none."""

    type: Literal["track", "identify", "group"]
    name: NotRequired[str]


class IntegrationFilters(TypedDict):
    destinationId: str
    isActive: bool
    blockedEvents: list[IntegrationFilter]


class IntegrationFiltersAnswer(TypedDict):
    filters: IntegrationFilters


class UpdateIntegrationFilters(TypedDict):
    blockedEvents: list[IntegrationFilter]


class DestinationsApi:
    """The configured receivers of a source's events, and their subscriptions."""

    def __init__(self, ask: Ask) -> None:
        self._ask = ask

    def create_destination(self, body: CreateDestinationSeed) -> SeedDestinationAnswer:
        """Attach a destination to a source. It is disabled unless `enabled` is true.

        `metadataId` is that of a catalog entry, or the id of a destination function. Where the catalog entry has
        automatic presets, their subscriptions are made and enabled; otherwise there are none. Settings are
        checked against the entry's options, and one that is enabled must have all that are required; secret ones
        are read back masked. A source has at most 25 instances of one destination, and no two of one name.
        """
        answer: SeedDestinationAnswer = self._ask("POST", "/destinations", body=body)
        return answer

    def list_destinations(self, *, count: int | None = None, cursor: str | None = None) -> SeedDestinationsAnswer:
        """The destinations of the sources that the token may read, the oldest first."""
        answer: SeedDestinationsAnswer = self._ask(
            "GET", "/destinations", query={"pagination[count]": count, "pagination[cursor]": cursor}
        )
        return answer

    def get_destination(self, destination_id: str) -> SeedDestinationAnswer:
        """One destination."""
        answer: SeedDestinationAnswer = self._ask("GET", f"/destinations/{quoted(destination_id)}")
        return answer

    def update_destination(
        self, destination_id: str, body: UpdateDestinationSeed | None = None
    ) -> SeedDestinationAnswer:
        """Change what is sent. Settings are merged by key: null removes one, the mask leaves a secret as it is."""
        answer: SeedDestinationAnswer = self._ask("PATCH", f"/destinations/{quoted(destination_id)}", body=body)
        return answer

    def delete_destination(self, destination_id: str) -> Deleted:
        """Delete a destination with its subscriptions and filters."""
        answer: Deleted = self._ask("DELETE", f"/destinations/{quoted(destination_id)}")
        return answer

    def list_connected_destinations_from_source(
        self, source_id: str, *, count: int | None = None, cursor: str | None = None
    ) -> DestinationsAnswer:
        """The destinations of a source, the oldest first; of the tag Sources, for a source by itself knows of none."""
        answer: DestinationsAnswer = self._ask(
            "GET",
            f"/sources/{quoted(source_id)}/connected-destinations",
            query={"pagination[count]": count, "pagination[cursor]": cursor},
        )
        return answer

    def list_delivery_metrics_summary_from_destination(
        self,
        destination_id: str,
        *,
        source_id: str,
        start_time: str | None = None,
        end_time: str | None = None,
        granularity: Granularity | None = None,
    ) -> SummaryAnswer:
        """What became of a destination's deliveries: successes by attempt, failures and waits by reason, what was
        too late.

        `latency.p95` is in milliseconds, from when events were received until they were delivered.

        Of the last hour, the last 7 days or the last 14 days, by `granularity`, where no `startTime` is given.
        MINUTE reaches 48 hours back and spans at most 4, HOUR 7 days, DAY 14.
        """
        answer: SummaryAnswer = self._ask(
            "GET",
            f"/destinations/{quoted(destination_id)}/delivery-metrics",
            query={"sourceId": source_id, "startTime": start_time, "endTime": end_time, "granularity": granularity},
        )
        return answer

    def create_destination_subscription(
        self, destination_id: str, body: CreateSubscription
    ) -> CreateSubscriptionAnswer:
        """Add a mapping after those that are there. `actionId` is the action's key; the trigger is checked here."""
        answer: CreateSubscriptionAnswer = self._ask(
            "POST", f"/destinations/{quoted(destination_id)}/subscriptions", body=body
        )
        return answer

    def list_subscriptions_from_destination(
        self, destination_id: str, *, count: int | None = None, cursor: str | None = None
    ) -> SubscriptionsAnswer:
        """A destination's mappings, in the order in which they make their requests."""
        answer: SubscriptionsAnswer = self._ask(
            "GET",
            f"/destinations/{quoted(destination_id)}/subscriptions",
            query={"pagination[count]": count, "pagination[cursor]": cursor},
        )
        return answer

    def get_subscription_from_destination(self, destination_id: str, id_: str) -> SubscriptionAnswer:
        """One mapping."""
        answer: SubscriptionAnswer = self._ask(
            "GET", f"/destinations/{quoted(destination_id)}/subscriptions/{quoted(id_)}"
        )
        return answer

    def update_subscription_for_destination(
        self, destination_id: str, id_: str, body: UpdateSubscription
    ) -> SubscriptionAnswer:
        """Change what `input` holds. `settings` replaces the whole mapping; the action stays."""
        answer: SubscriptionAnswer = self._ask(
            "PATCH", f"/destinations/{quoted(destination_id)}/subscriptions/{quoted(id_)}", body=body
        )
        return answer

    def remove_subscription_from_destination(self, destination_id: str, id_: str) -> Deleted:
        """Remove a mapping. This cannot be undone."""
        answer: Deleted = self._ask("DELETE", f"/destinations/{quoted(destination_id)}/subscriptions/{quoted(id_)}")
        return answer

    def get_destination_consent(self, destination_id: str) -> ConsentAnswer:
        """The consent categories that a destination belongs to."""
        answer: ConsentAnswer = self._ask("GET", f"/penstock/destinations/{quoted(destination_id)}/consent")
        return answer

    def update_destination_consent(self, destination_id: str, body: UpdateConsent) -> ConsentAnswer:
        """Replace the categories; none: the destination takes part in no consent, and gets what comes.

        Otherwise it gets an event with `context.consent.categoryPreferences` only where all of its categories are
        true there: one that is missing is not. An event without them is not judged. What is refused ends as
        filtered at its destination, `FILTERED_BY_END_USER_CONSENT`. A category has at most 34 characters, the
        first of them no digit.
        """
        answer: ConsentAnswer = self._ask(
            "PATCH", f"/penstock/destinations/{quoted(destination_id)}/consent", body=body
        )
        return answer

    def get_integration_filters(self, destination_id: str) -> IntegrationFiltersAnswer:
        """Which events a destination does not get. They act while its source has no tracking plan."""
        answer: IntegrationFiltersAnswer = self._ask(
            "GET", f"/penstock/destinations/{quoted(destination_id)}/integration-filters"
        )
        return answer

    def update_integration_filters(
        self, destination_id: str, body: UpdateIntegrationFilters
    ) -> IntegrationFiltersAnswer:
        """Replace the events that the destination does not get: tracked ones by name, or all of `identify` or
        `group`.

        An event whose `integrations` object names the destination is not judged by them. What is refused ends as
        filtered at its destination, `FILTERED_BY_INTEGRATIONS_OBJECT`. Refused (400) while the source has a
        tracking plan.
        """
        answer: IntegrationFiltersAnswer = self._ask(
            "PATCH", f"/penstock/destinations/{quoted(destination_id)}/integration-filters", body=body
        )
        return answer
