"""Sources: The configured origins of events, and their write keys.

Written by `make docs`; edits here are lost.
"""

from typing import Any, Literal, NotRequired, TypedDict

from penstock.client.asking import Ask, quoted
from penstock.client.public_api.shared import (
    Deleted,
    EventFilter,
    PropertyFilter,
    Source,
    SourcesAnswer,
    SourcesLabel,
    TraitFilter,
    UpdateSchemaFilters,
    UpdateSchemaSettings,
)


class CreateSourceSeed(TypedDict):
    slug: str
    enabled: NotRequired[bool]
    metadataId: str
    settings: NotRequired[dict[str, Any]]
    disconnectAllWarehouses: NotRequired[bool]


class SourceAnswer(TypedDict):
    """Create and update."""

    source: Source


class GetSourceSeedAnswer(TypedDict):
    """The seed has no tracking plan here, and declares no null."""

    source: Source


class UpdateSource(TypedDict):
    name: NotRequired[str]
    enabled: NotRequired[bool]
    slug: NotRequired[str]
    settings: NotRequired[dict[str, Any]]


class SourcesLabelInput(TypedDict):
    """Its description belongs to the label itself and changes nothing here."""

    key: str
    value: str
    description: NotRequired[str]


class LabelsInput(TypedDict):
    labels: list[SourcesLabelInput]


class SourcesLabelsAnswer(TypedDict):
    labels: list[SourcesLabel]


class Track(TypedDict):
    allowUnplannedEvents: bool
    allowUnplannedEventProperties: bool
    allowEventOnViolations: bool
    allowPropertiesOnViolations: bool
    commonEventOnViolations: str


class Traits(TypedDict):
    allowUnplannedTraits: bool
    allowTraitsOnViolations: bool
    commonEventOnViolations: str


class SchemaSettings(TypedDict):
    track: Track
    identify: Traits
    group: Traits
    forwardingViolationsTo: NotRequired[str]
    forwardingBlockedEventsTo: NotRequired[str]


class SchemaSettingsAnswer(TypedDict):
    sourceId: str
    settings: SchemaSettings


class Intake(TypedDict):
    sourceId: str
    eventRate: int
    ip: Literal["keep", "truncate", "drop"]
    keepBlockedEvents: bool


class IntakeAnswer(TypedDict):
    intake: Intake


class UpdateIntake(TypedDict):
    eventRate: NotRequired[int]
    ip: NotRequired[Literal["keep", "truncate", "drop"]]
    keepBlockedEvents: NotRequired[bool]


class SchemaFilters(TypedDict):
    sourceId: str
    isActive: bool
    blockedEvents: list[EventFilter]
    omittedProperties: list[PropertyFilter]
    omittedTraits: list[TraitFilter]


class SchemaFiltersAnswer(TypedDict):
    filters: SchemaFilters


class SourcesApi:
    """The configured origins of events, and their write keys."""

    def __init__(self, ask: Ask) -> None:
        self._ask = ask

    def create_source(self, body: CreateSourceSeed) -> SourceAnswer:
        """Make a source with one write key. It is connected to every warehouse unless `disconnectAllWarehouses` is
        true.

        `metadataId` is that of a catalog entry, or the id of a source function.
        """
        answer: SourceAnswer = self._ask("POST", "/sources", body=body)
        return answer

    def list_sources(self, *, count: int | None = None, cursor: str | None = None) -> SourcesAnswer:
        """The sources of the workspace that the token may read, the oldest first."""
        answer: SourcesAnswer = self._ask(
            "GET", "/sources", query={"pagination[count]": count, "pagination[cursor]": cursor}
        )
        return answer

    def get_source(self, source_id: str) -> GetSourceSeedAnswer:
        """One source. `writeKeys` is empty where the token does not administer it."""
        answer: GetSourceSeedAnswer = self._ask("GET", f"/sources/{quoted(source_id)}")
        return answer

    def update_source(self, source_id: str, body: UpdateSource | None = None) -> SourceAnswer:
        """Change what is sent. Settings are merged by key; null removes one. The warehouse schema keeps its name."""
        answer: SourceAnswer = self._ask("PATCH", f"/sources/{quoted(source_id)}", body=body)
        return answer

    def delete_source(self, source_id: str) -> Deleted:
        """Delete a source with its write keys and destinations. What warehouses hold of it stays."""
        answer: Deleted = self._ask("DELETE", f"/sources/{quoted(source_id)}")
        return answer

    def add_labels_to_source(self, source_id: str, body: LabelsInput) -> SourcesLabelsAnswer:
        """Give a source labels beside those that it has. One that it has already stays as it is."""
        answer: SourcesLabelsAnswer = self._ask("POST", f"/sources/{quoted(source_id)}/labels", body=body)
        return answer

    def replace_labels_in_source(self, source_id: str, body: LabelsInput) -> SourcesLabelsAnswer:
        """Give a source these labels in the place of all that it has."""
        answer: SourcesLabelsAnswer = self._ask("PUT", f"/sources/{quoted(source_id)}/labels", body=body)
        return answer

    def list_schema_settings_in_source(self, source_id: str) -> SchemaSettingsAnswer:
        """What becomes of events that are not as the source's tracking plan has them. Without a plan, the defaults."""
        answer: SchemaSettingsAnswer = self._ask("GET", f"/sources/{quoted(source_id)}/settings")
        return answer

    def update_schema_settings_in_source(
        self, source_id: str, body: UpdateSchemaSettings | None = None
    ) -> SchemaSettingsAnswer:
        """Change what is sent; a forwarding that is left out ends.

        What a tracking plan judges by is refused (400, naming the fields) while the source has none.
        """
        answer: SchemaSettingsAnswer = self._ask("PATCH", f"/sources/{quoted(source_id)}/settings", body=body)
        return answer

    def create_write_key_for_source(self, source_id: str) -> SourceAnswer:
        """Give a source one more write key, the last of its `writeKeys`. Those that it has go on being taken."""
        answer: SourceAnswer = self._ask("POST", f"/sources/{quoted(source_id)}/writekey")
        return answer

    def remove_write_key_from_source(self, source_id: str, write_key: str) -> Deleted:
        """Take nothing more with this write key. The last one of a source cannot be removed (400)."""
        answer: Deleted = self._ask("DELETE", f"/sources/{quoted(source_id)}/writekey/{quoted(write_key)}")
        return answer

    def get_source_intake(self, source_id: str) -> IntakeAnswer:
        """Events a second that an edge takes of the source, what becomes of `context.ip`, and of what it blocks.

        An `eventRate` of 0 is the installation's setting, -1 any number of events whatever that setting says.
        With `keepBlockedEvents`, blocked events stand in quarantine, from where they can be judged again; else
        they are gone.
        """
        answer: IntakeAnswer = self._ask("GET", f"/penstock/sources/{quoted(source_id)}/intake")
        return answer

    def update_source_intake(self, source_id: str, body: UpdateIntake | None = None) -> IntakeAnswer:
        """Change what is sent."""
        answer: IntakeAnswer = self._ask("PATCH", f"/penstock/sources/{quoted(source_id)}/intake", body=body)
        return answer

    def get_schema_filters(self, source_id: str) -> SchemaFiltersAnswer:
        """Which events of the source are blocked by name, and which properties and traits are left out.

        They act while the source has no tracking plan.
        """
        answer: SchemaFiltersAnswer = self._ask("GET", f"/penstock/sources/{quoted(source_id)}/schema-filters")
        return answer

    def update_schema_filters(self, source_id: str, body: UpdateSchemaFilters | None = None) -> SchemaFiltersAnswer:
        """Replace the lists that are sent. Refused (400) while the source has a tracking plan, which then judges
        alone.

        A blocked event ends as filtered at its source (`event_setting`); it stands in quarantine, and goes to the
        source of `forwardingBlockedEventsTo`. Names are compared as they are written; properties and traits are
        those of the first level.
        """
        answer: SchemaFiltersAnswer = self._ask(
            "PATCH", f"/penstock/sources/{quoted(source_id)}/schema-filters", body=body
        )
        return answer
