"""What the pipeline appends: exactly one ROUTED frame for each ACCEPTED frame, also when nothing survives.

Subject `routed.<shard>` in stream `ROUTED-<shard>`. The last message there is the pipeline's position: `covers`. A
frame over 4 MiB is written as several messages in one atomic batch (`part` of `parts`); all tell the same `covers`.
"""

import msgspec

from penstock.spec.frame import Decoder, Kind, encode


class SourceRef(msgspec.Struct, array_like=True, frozen=True):
    """A source that has a row, a claim or an outcome in this frame. `source_id` is empty for an unknown write key."""

    workspace_id: str
    source_id: str


class OutcomeCount(msgspec.Struct, array_like=True, frozen=True):
    """How many events of one source ended in one way. Names are bounded by the pipeline, the rest is `other`."""

    source: int
    """Index into the head's sources."""
    outcome: str
    """A value of `spec.outcome.Outcome`."""
    reason: str
    """A value of `spec.outcome.DiscardReason`; empty for `received`."""
    event_type: str
    event_name: str
    count: int
    app_version: str = ""
    """`context.app.version` of the events that were received, bounded like names."""


class PeopleOfSource(msgspec.Struct, array_like=True, frozen=True):
    """Who the events that one source routed are from: salted hashes of 8 bytes, one after the other, each once."""

    source: int
    """Index into the head's sources."""
    users: bytes
    """Of user ids."""
    anonymous: bytes
    """Of anonymous ids that came without a user id."""
    tied: bytes
    """Of anonymous ids that came with one."""


ROUTED_TO_ALL = 0
BLOCKED = 1
FOR_FUNCTION = 2
FOR_WAREHOUSES = 3
"""Values of `RoutedRow.fate`: destinations read the first alone; warehouses the last too, which is an object."""


class RoutedRow(msgspec.Struct, array_like=True, frozen=True):
    """One event: where its JSON stands in the body (as delivered, tracking-api.md §9), whose it is, and its type."""

    offset: int
    length: int
    source: int
    """Index into the head's sources."""
    event_type: int
    """Index into `spec.event.EVENT_TYPES`."""
    message_id: str
    fate: int = ROUTED_TO_ALL
    reason: str = ""
    metadata: bytes = b""
    """Raw JSON of the browser's `_metadata`, which is kept out of the delivered event."""


class RoutedHead(msgspec.Struct, array_like=True, frozen=True):
    """The table of a ROUTED frame."""

    writer: str
    """The incarnation of the engine that wrote it: a stranger here means that another engine owns the shard."""
    covers: int
    """Sequence of the ACCEPTED message that this frame answers."""
    part: int
    parts: int
    snapshot_version: int
    """Revision of the snapshot bucket against which the whole frame was judged."""
    sources: list[SourceRef]
    rows: list[RoutedRow]
    claims: list[tuple[int, str]]
    """(source index, message id) claimed by events that have no row. Rows claim theirs themselves."""
    outcomes: list[OutcomeCount]
    """In the last part only."""
    lap: str = ""
    received_at: int = 0
    """Lowest `received_at` of the frame in milliseconds (0: none), so that readers can measure their lag."""
    people: list[PeopleOfSource] = []
    """In the last part only. Empty where the frame is not first-hand: who comes again was counted."""
    findings: bytes = b""
    """In the last part only: `spec.findings`, packed. Empty where the frame is not first-hand."""


decoder = Decoder(Kind.ROUTED, RoutedHead)


def encode_routed(head: RoutedHead, events: list[bytes]) -> bytes:
    """The frame of `events`, whose offsets and lengths the rows of `head` already tell."""
    return encode(Kind.ROUTED, head, events)


def stream_name(shard: int) -> str:
    return f"ROUTED-{shard}"


def subject(shard: int) -> str:
    return f"routed.{shard}"
