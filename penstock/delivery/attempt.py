"""The port to the outside: what one attempt is given, and the verdict that comes back for each of its events."""

from enum import StrEnum
from typing import Protocol

import msgspec

from penstock.spec.snapshot import SubscriptionSnapshot


class Fate(StrEnum):
    """What is to become of the delivery."""

    DELIVERED = "delivered"
    RETRYABLE = "retryable"
    FAILED = "failed"
    NOT_SUBSCRIBED = "not_subscribed"
    FILTERED = "filtered"
    """A function let it go no further. It is kept where there is something to tell of it."""


class Signal(StrEnum):
    """What the attempt told about the destination itself, for its circuit and its pace."""

    HEALTHY = "healthy"
    """It answered and is able to work, if only to refuse this event."""
    FAILING = "failing"
    """Network error, timeout, 5xx, 401, 403."""
    THROTTLED = "throttled"
    """429: slower, but not broken."""
    SILENT = "silent"
    """It was not asked: no subscription, or the mapping refused the event."""


class Verdict(msgspec.Struct, frozen=True):
    """How one attempt ended for one event."""

    fate: Fate
    signal: Signal
    reason: str = ""
    """Spelled as delivery.md §6 spells it; empty for a delivered event."""
    status: int = 0
    retry_after_seconds: float = 0.0
    """What the destination asked for; 0 where it asked for nothing."""
    response: bytes = b""
    """The last response, for quarantine."""


class Attempt(msgspec.Struct, frozen=True):
    """One try of one subscription: a single event, or a batch where `is_batch`."""

    destination_id: str
    metadata_id: str
    source_id: str
    settings: bytes
    """Opened settings, raw JSON."""
    subscription: SubscriptionSnapshot
    events: list[bytes]
    is_batch: bool
    seconds_limit: float


class Attempter(Protocol):
    """Whoever performs attempts. Answers one verdict per event, in order; what goes wrong outside is a verdict."""

    async def attempt(self, attempt: Attempt) -> list[Verdict]: ...


def timed_out() -> Verdict:
    """The verdict of an attempt that passed its limit (FC-54)."""
    return Verdict(Fate.RETRYABLE, Signal.FAILING, reason="ETIMEDOUT", status=408)


def invalid_settings(message: str) -> Verdict:
    """The verdict where settings cannot be read: no attempt can help."""
    return Verdict(Fate.FAILED, Signal.SILENT, reason="INVALID_SETTINGS", status=400, response=message.encode())
