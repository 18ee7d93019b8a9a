"""What the edge appends: requests as they were judged, and their events as raw bytes.

Subject `accepted.<shard>.<writer>` in stream `ACCEPTED-<shard>`. `writer` names one incarnation of one writing process,
`number` counts its frames from 1 without a gap; a reader that sees a gap raises an alarm.
"""

import msgspec

from penstock.spec.frame import Decoder, Kind, encode

FUNCTION_CALL = "function"
"""The call of a request to a source function: its one event is the request itself, as `spec.laps` has it."""
OBJECT_CALL = "set"
"""The call of what a source function tells of objects, each as `spec.objects` has it."""


class RequestRecord(msgspec.Struct, array_like=True, frozen=True):
    """What is known once per request. JSON texts are kept raw: the pipeline judges them."""

    received_at: int
    """Milliseconds; never goes back within a writer."""
    write_key: str
    call: str
    """`track` … `alias` where the path names the type of its one event, `function` or `set`, else `batch`."""
    peer: str = ""
    user_agent: str = ""
    sent_at: bytes = b""
    """Raw JSON of the batch's `sentAt`; empty where absent."""
    context: bytes = b""
    """Raw JSON of the batch's `context`; empty where absent or null."""
    integrations: bytes = b""
    left_out: dict[str, int] = {}
    """Elements that the edge left out of the batch, by code (spec/outcome.py)."""
    notes: dict[str, int] = {}
    """What the edge had to mend, by code: `lone_surrogate`, `number_out_of_range`."""
    is_client: bool = False
    """True where the way it came tells that a client sent it, whatever its source and library are: a pixel."""


class AcceptedRow(msgspec.Struct, array_like=True, frozen=True):
    """One event: where its raw JSON stands in the body, whose it is, and its message id as sent or made."""

    offset: int
    length: int
    request: int
    message_id: str
    made_id: bool = False
    """True where Penstock made the message id, because the event had none or one that is no non-empty string: the edge,
    or where a source function sent it. No sender can repeat such an event."""


class AcceptedHead(msgspec.Struct, array_like=True, frozen=True):
    """The table of an ACCEPTED frame."""

    writer: str
    number: int
    requests: list[RequestRecord]
    rows: list[AcceptedRow]
    lap: str = ""
    """Empty for first-hand events; a replay's or function's lap otherwise, part of the dedupe key."""


decoder = Decoder(Kind.ACCEPTED, AcceptedHead)


def encode_accepted(head: AcceptedHead, events: list[bytes]) -> bytes:
    """The frame of `events`, whose offsets and lengths the rows of `head` already tell."""
    return encode(Kind.ACCEPTED, head, events)


def stream_name(shard: int) -> str:
    return f"ACCEPTED-{shard}"


def subject(shard: int, writer: str) -> str:
    return f"accepted.{shard}.{writer}"
