"""Violations: How often events were not as their source's tracking plan has them, and in which ways. Our own.

Written by `make docs`; edits here are lost.
"""

from typing import Any, TypedDict

from penstock.client.asking import Ask


class ViolatedRule(TypedDict):
    type: str
    key: str
    version: int | float


class ViolationSample(TypedDict):
    messageId: str
    time: str
    description: str


class Violation(TypedDict):
    sourceId: str
    eventType: str
    eventName: str
    rule: ViolatedRule
    field: str
    kind: str
    count: int
    firstSeenAt: str
    lastSeenAt: str
    samples: list[ViolationSample]


class ViolationsAnswer(TypedDict):
    violations: list[Violation]
    total: int


class ViolatingEventsAnswer(TypedDict):
    events: list[dict[str, Any]]


class ViolationsApi:
    """How often events were not as their source's tracking plan has them, and in which ways. Our own."""

    def __init__(self, ask: Ask) -> None:
        self._ask = ask

    def list_violations(
        self,
        *,
        source_id: str | None = None,
        event_type: str | None = None,
        event: str | None = None,
        rule_type: str | None = None,
        field: str | None = None,
        kind: str | None = None,
        since: str | None = None,
        until: str | None = None,
        count: str | None = None,
    ) -> ViolationsAnswer:
        """How often events violated which rule in which way, the most frequent first; of 30 days where no time is
        set.

        `field` is the path from the event's root, in which `$` stands for each item of an array. Samples are the
        last events, by message id. A source has 1,000 ways a day; further ones are `other`.
        """
        answer: ViolationsAnswer = self._ask(
            "GET",
            "/penstock/violations",
            query={
                "sourceId": source_id,
                "eventType": event_type,
                "event": event,
                "ruleType": rule_type,
                "field": field,
                "kind": kind,
                "since": since,
                "until": until,
                "count": count,
            },
        )
        return answer

    def list_violating_events(self, *, source_id: str, message_ids: list[str]) -> ViolatingEventsAnswer:
        """The events behind samples, by their message ids: as they were routed, or blocked.

        They are looked up in the last frames of the log and kept nowhere else: what came long ago is not found,
        and what people sent before they were deleted is passed over. What was blocked stands in quarantine for
        longer.
        """
        answer: ViolatingEventsAnswer = self._ask(
            "GET", "/penstock/violations/events", query={"sourceId": source_id, "messageIds": message_ids}
        )
        return answer
