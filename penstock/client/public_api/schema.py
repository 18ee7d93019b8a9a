"""Schema: What the events of a source were seen to hold. Our own, beside the contract.

Written by `make docs`; edits here are lost.
"""

from typing import Any, Literal, TypedDict

from penstock.client.asking import Ask, quoted


class SeenEvent(TypedDict):
    type: str
    name: str
    count: int
    properties: int
    firstSeenAt: str
    lastSeenAt: str


class SeenEventsAnswer(TypedDict):
    sourceId: str
    events: list[SeenEvent]


class DayOfEvent(TypedDict):
    day: str
    count: int
    properties: dict[str, int]


class SeenProperty(TypedDict):
    path: str
    count: int
    types: dict[str, int]
    firstSeenAt: str
    lastSeenAt: str


class EventSchema(TypedDict):
    type: str
    name: str
    count: int
    firstSeenAt: str
    lastSeenAt: str
    properties: list[SeenProperty]
    days: list[DayOfEvent]


class EventSchemaAnswer(TypedDict):
    sourceId: str
    event: EventSchema


class PropertySamples(TypedDict):
    path: str
    values: list[Any]


class SamplesAnswer(TypedDict):
    sourceId: str
    events: int
    samples: list[PropertySamples]


class DraftRule(TypedDict):
    type: str
    key: str
    version: int
    jsonSchema: dict[str, Any]


class DraftPlanAnswer(TypedDict):
    rules: list[DraftRule]


class SchemaApi:
    """What the events of a source were seen to hold. Our own, beside the contract."""

    def __init__(self, ask: Ask) -> None:
        self._ask = ask

    def list_schema(self, source_id: str, *, day: str | None = None) -> SeenEventsAnswer:
        """Which events the source has seen, the most frequent first: on one day, or in all.

        The first 1,000 names are told apart, further ones are `other`. What was not seen for 90 days is
        forgotten.
        """
        answer: SeenEventsAnswer = self._ask("GET", f"/penstock/sources/{quoted(source_id)}/schema", query={"day": day})
        return answer

    def get_schema_event(
        self,
        source_id: str,
        *,
        type_: Literal["track", "identify", "page", "screen", "group", "alias"],
        name: str | None = None,
    ) -> EventSchemaAnswer:
        """Which properties or traits the events of one type and name had, with which types, and how many came on
        which day.

        `$` in a path stands for each item of an array. How many events had a name of the first level is exact;
        types, and what objects and arrays hold, are looked into for a part of the events. An event has 300 names;
        others are `other`.
        """
        answer: EventSchemaAnswer = self._ask(
            "GET", f"/penstock/sources/{quoted(source_id)}/schema/event", query={"type": type_, "name": name}
        )
        return answer

    def get_schema_samples(
        self,
        source_id: str,
        *,
        type_: Literal["track", "identify", "page", "screen", "group", "alias"],
        name: str | None = None,
        count: str | None = None,
    ) -> SamplesAnswer:
        """Up to five values of each property or trait, from the last events of one type and name as they were
        routed.

        They are looked up in the log when they are asked for and kept nowhere else; what people sent who were
        deleted is passed over. An event that has not come for long may not be found. Without a name, all events
        of the type count.
        """
        answer: SamplesAnswer = self._ask(
            "GET",
            f"/penstock/sources/{quoted(source_id)}/schema/samples",
            query={"type": type_, "name": name, "count": count},
        )
        return answer

    def draft_plan_from_schema(self, source_id: str, *, required_from: str | None = None) -> DraftPlanAnswer:
        """Propose the rules of a tracking plan from what the source has seen, as replacing the rules of a plan takes
        them.

        A property is required where all events of its name had it, and there were at least `requiredFrom` of
        them; all types that were seen are allowed.
        """
        answer: DraftPlanAnswer = self._ask(
            "GET", f"/penstock/sources/{quoted(source_id)}/schema/plan", query={"requiredFrom": required_from}
        )
        return answer
