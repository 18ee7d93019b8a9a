"""What a step is given: one event on its way (a draft), its request, and the frame in which it is judged."""

from collections.abc import Callable
from collections.abc import Set as AbstractSet

import msgspec
from msgspec import Raw

from penstock.pipeline.judging.wire import WireEvent
from penstock.spec.accepted import AcceptedRow
from penstock.spec.outcome import IngestReason, Outcome
from penstock.spec.snapshot import SourceSnapshot


class Ending(msgspec.Struct, frozen=True):
    """How an event ended, where it did not go on."""

    outcome: Outcome
    reason: str


FAILED = {reason: Ending(Outcome.FAILED_ON_INGEST, reason.value) for reason in IngestReason}
"""One ending per code: steps return these, so that none is made per event."""


class RequestView(msgspec.Struct, frozen=True):
    """What holds for all events of one request, worked out once."""

    call: str
    received_at: int
    received_text: str
    sent_at: int | None
    sent_text: str
    """The batch's `sentAt` as it is written; the time of arrival where there is none."""
    context: dict[str, Raw] | None
    context_text: Raw
    """The batch's `context`, in parts and whole; None and absent where there is none."""
    integrations: dict[str, Raw] | None
    integrations_text: Raw
    peer: str
    """IPv4 address of the sender, else empty."""
    source: SourceSnapshot | None
    source_number: int
    """Index into the sources of the frame."""
    ending: Ending | None
    """Why no event of this request can go on."""
    key_hint: str = ""
    """Beginning of the unknown write key: the name under which the operator finds the typo."""


class FrameView(msgspec.Struct):
    """What holds for all events of one frame, and the ids that were claimed in it so far."""

    lap: str
    known: AbstractSet[bytes]
    """Those keys of the frame that an earlier frame has claimed."""
    claimed: set[bytes]
    """Keys claimed in this frame so far."""


class Draft:
    """One event on its way. Steps change it in place."""

    __slots__ = ("event", "is_ahead", "key", "metadata", "request", "row", "unknown")

    def __init__(
        self, row: AcceptedRow, request: RequestView, event: WireEvent, unknown: dict[str, Raw] | None
    ) -> None:
        self.row = row
        self.request = request
        self.event = event
        self.unknown = unknown
        self.metadata = b""
        self.is_ahead = False
        self.key = b""
        """Under which it claims its message id, once stage 4 has let it pass."""


Step = Callable[[Draft, FrameView], Ending | None]
