"""Quarantine: Events that were blocked or could not be delivered, for 14 days. Beside the contract.

Written by `make docs`; edits here are lost.
"""

from typing import Any, NotRequired, TypedDict

from penstock.client.asking import Ask, quoted


class HeldEvent(TypedDict):
    id: str
    sourceId: str
    destinationId: str
    subscriptionId: str
    eventType: str
    eventName: str
    messageId: str
    userId: str
    outcome: str
    reason: str
    attempts: int
    firstAttemptAt: NotRequired[str]
    heldAt: str
    response: str


class HeldEventsAnswer(TypedDict):
    events: list[HeldEvent]
    next: NotRequired[str]


class WholeEventAnswer(TypedDict):
    held: HeldEvent
    event: dict[str, Any]


class EndQuarantine(TypedDict):
    """`all` must be true where nothing else is set, so that an empty body empties nothing."""

    sourceId: NotRequired[str]
    destinationId: NotRequired[str]
    reason: NotRequired[str]
    event: NotRequired[str]
    user: NotRequired[str]
    messageId: NotRequired[str]
    since: NotRequired[str]
    until: NotRequired[str]
    ids: NotRequired[list[str]]
    all: NotRequired[bool]
    limit: NotRequired[int]


class EndedAnswer(TypedDict):
    count: int
    kept: int
    hasMore: bool


class QuarantineApi:
    """Events that were blocked or could not be delivered, for 14 days. Beside the contract."""

    def __init__(self, ask: Ask) -> None:
        self._ask = ask

    def list_quarantine(
        self,
        *,
        source_id: str | None = None,
        destination_id: str | None = None,
        reason: str | None = None,
        event: str | None = None,
        user: str | None = None,
        message_id: str | None = None,
        since: str | None = None,
        until: str | None = None,
        ids: list[str] | None = None,
        count: str | None = None,
        after: str | None = None,
    ) -> HeldEventsAnswer:
        """Events that were blocked or could not be delivered, the oldest first. `next` goes into `after`."""
        answer: HeldEventsAnswer = self._ask(
            "GET",
            "/penstock/quarantine",
            query={
                "sourceId": source_id,
                "destinationId": destination_id,
                "reason": reason,
                "event": event,
                "user": user,
                "messageId": message_id,
                "since": since,
                "until": until,
                "ids": ids,
                "count": count,
                "after": after,
            },
        )
        return answer

    def get_quarantined_event(self, quarantine_id: str) -> WholeEventAnswer:
        """One event with its body. Its id is another one once its neighbours have left."""
        answer: WholeEventAnswer = self._ask("GET", f"/penstock/quarantine/{quoted(quarantine_id)}")
        return answer

    def replay_quarantine(self, body: EndQuarantine | None = None) -> EndedAnswer:
        """Bring events back: what was blocked is judged again, what failed is delivered again.

        `kept` counts those that stay because their source, destination or mapping is gone or switched off. Ask
        again while `hasMore` is true.
        """
        answer: EndedAnswer = self._ask("POST", "/penstock/quarantine/replay", body=body)
        return answer

    def drop_quarantine(self, body: EndQuarantine | None = None) -> EndedAnswer:
        """Delete events for good. Ask again while `hasMore` is true."""
        answer: EndedAnswer = self._ask("POST", "/penstock/quarantine/drop", body=body)
        return answer
