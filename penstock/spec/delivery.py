"""What delivery writes: retries, quarantine, and the record of what is settled. Stream `DELIVERY-<shard>`.

One settling is one atomic batch: `delivery.<shard>.retry.<rung>` and `delivery.<shard>.quarantine.<holder>` frames,
`delivery.<shard>.members` where it changed, and last `delivery.<shard>.settled`. The last `settled` and `members` are
all that delivery remembers; the fold reads the counts of every `settled`, in order, once.

What is read of ROUTED but has not ended is told by `Settled.open` (bounded by what is in flight), not by what has
ended above the slowest event (which no window bounds).
"""

from typing import TypeAlias

import msgspec

from penstock.spec.facts import CountedLatency, CountedOutcome
from penstock.spec.frame import Decoder, Kind, encode

RESPONSE_LIMIT = 2_048
"""Bytes of a last response that are kept."""
NAME_LIMIT = 100
"""Characters of an event's name in rows: further ones are in its JSON alone."""


class DeliveryRef(msgspec.Struct, array_like=True, frozen=True):
    """Which subscription of which destination a row belongs to, and whose the event is."""

    workspace_id: str
    source_id: str
    destination_id: str
    subscription_id: str


class RetryRow(msgspec.Struct, array_like=True, frozen=True):
    """One delivery to be tried again, by value: its event after stage D9 stands in the body."""

    offset: int
    length: int
    ref: int
    """Index into the head's refs."""
    event_type: int
    event_name: str
    message_id: str
    attempt: int
    """How many attempts were made."""
    first_attempt_at: int
    """Milliseconds; the retry window counts from here. 0 where it was never tried."""
    reason: str
    """Why the last attempt failed."""
    response: bytes = b""
    """The last response, at most RESPONSE_LIMIT bytes."""


class RetryHead(msgspec.Struct, array_like=True, frozen=True):
    """The table of a RETRY frame. Due at `written_at` + the rung's wait times `factor`."""

    rung: int
    written_at: int
    factor: float
    refs: list[DeliveryRef]
    rows: list[RetryRow]


class QuarantineRow(msgspec.Struct, array_like=True, frozen=True):
    """One event that ended badly, and how. `subscription_id` is empty for one blocked before any destination."""

    offset: int
    length: int
    subscription_id: str
    event_type: int
    event_name: str
    message_id: str
    user_id: str
    """The event's user id (else empty), so that a deletion finds it."""
    outcome: str
    reason: str
    attempts: int = 0
    first_attempt_at: int = 0
    response: bytes = b""
    is_before_lap: bool = False
    """Whether it was blocked before a source insert function had it, for there was none then."""


class QuarantineHead(msgspec.Struct, array_like=True, frozen=True):
    """The table of a QUARANTINE frame of one holder: a destination, or the source of events that were blocked."""

    workspace_id: str
    source_id: str
    destination_id: str
    """Empty where the source itself is the holder."""
    written_at: int
    rows: list[QuarantineRow]


class Member(msgspec.Struct, array_like=True, frozen=True):
    """A destination that delivery serves, and the time from which its events count."""

    destination_id: str
    since: int


class MembersHead(msgspec.Struct, array_like=True, frozen=True):
    """All destinations that delivery knows."""

    members: list[Member]


class Behind(msgspec.Struct, array_like=True, frozen=True):
    """A destination that reads ROUTED on its own: the place of the first event that was not taken."""

    destination_id: str
    sequence: int
    index: int


class OpenEvent(msgspec.Struct, array_like=True, frozen=True):
    """An event of ROUTED that a destination took and that has not ended for `subscriptions`."""

    destination_id: str
    sequence: int
    index: int
    subscriptions: list[str]
    is_matched: bool
    """Whether another subscription ended with an outcome of its own, so that the event did match a mapping."""


OpenRetry: TypeAlias = tuple[int, int]
"""(sequence in DELIVERY, index) of a retry that was taken from its rung and has not ended."""


class SettledHead(msgspec.Struct, array_like=True, frozen=True):
    """What has ended, and from where every reader goes on."""

    owner: str
    """The incarnation of the engine that wrote it."""
    number: int
    """Counts the settlings of this owner from 1."""
    sequence: int
    index: int
    """The common place in ROUTED: the first event not yet offered to the destinations that are not behind."""
    behind: list[Behind]
    rungs: list[int]
    """Per rung the sequence in DELIVERY up to which its retries were taken."""
    open: list[OpenEvent]
    open_retries: list[OpenRetry]
    outcomes: list[CountedOutcome]
    """What ended since the `settled` before: final outcomes, and one `AWAITING_RETRY` per failed attempt."""
    written_at: int = 0
    latencies: list[CountedLatency] = []
    """Of what was delivered since the `settled` before."""


retry_decoder = Decoder(Kind.RETRY, RetryHead)
quarantine_decoder = Decoder(Kind.QUARANTINE, QuarantineHead)
members_decoder = Decoder(Kind.MEMBERS, MembersHead)
settled_decoder = Decoder(Kind.SETTLED, SettledHead)


def encode_retry(head: RetryHead, events: list[bytes]) -> bytes:
    return encode(Kind.RETRY, head, events)


def encode_quarantine(head: QuarantineHead, events: list[bytes]) -> bytes:
    return encode(Kind.QUARANTINE, head, events)


def encode_members(head: MembersHead) -> bytes:
    return encode(Kind.MEMBERS, head)


def encode_settled(head: SettledHead) -> bytes:
    return encode(Kind.SETTLED, head)


def stream_name(shard: int) -> str:
    return f"DELIVERY-{shard}"


def settled_subject(shard: int) -> str:
    return f"delivery.{shard}.settled"


def members_subject(shard: int) -> str:
    return f"delivery.{shard}.members"


def retry_subject(shard: int, rung: int) -> str:
    return f"delivery.{shard}.retry.{rung}"


def quarantine_subject(shard: int, holder: str) -> str:
    return f"delivery.{shard}.quarantine.{holder}"
