"""What a step is given: one event on its way (a draft), its request, and the frame in which it is judged."""

from collections.abc import Callable
from collections.abc import Set as AbstractSet

import msgspec

from penstock.pipeline.judging.contexts import Contexts
from penstock.pipeline.judging.overlay import Base
from penstock.pipeline.judging.wire import WireEvent
from penstock.spec.accepted import AcceptedRow
from penstock.spec.outcome import IngestReason, Outcome
from penstock.spec.snapshot import SourceSnapshot


class Ending(msgspec.Struct, frozen=True, eq=False):
    """How an event ended, where it did not go on. There is one of each kind, so that it is counted by identity."""

    outcome: Outcome
    reason: str


FAILED = {reason: Ending(Outcome.FAILED_ON_INGEST, reason.value) for reason in IngestReason}
"""One ending per code: steps return these, so that none is made per event."""


class RequestView(msgspec.Struct, frozen=True):
    """What holds for all events of one request, worked out once."""

    call: str
    received_at: int
    received_text: str
    sent_text: str
    """The batch's `sentAt` as it is written; the time of arrival where there is none."""
    lag: int | None
    """Milliseconds from the batch's `sentAt` to its arrival by the two clocks; None where it tells no `sentAt`."""
    contexts: Contexts
    integrations: Base | None
    source: SourceSnapshot | None
    project_id: str
    """Id of the source, empty where there is none."""
    source_number: int
    """Index into the sources of the frame."""
    key_prefix: str
    """What the keys of its claims begin with."""
    ending: Ending | None
    """Why no event of this request can go on."""
    key_hint: str = ""
    """Beginning of the unknown write key: the name under which the operator finds the typo."""


class FrameView(msgspec.Struct):
    """What holds for all events of one frame, and the ids that were claimed in it so far."""

    known: AbstractSet[bytes]
    """Those keys of the frame that an earlier frame has claimed."""
    claimed: set[bytes]
    """Keys claimed in this frame so far."""


class Draft(msgspec.Struct, gc=False):
    """One event on its way. Steps change it in place."""

    row: AcceptedRow
    request: RequestView
    event: WireEvent
    key: bytes
    """Under which it claims its message id."""
    metadata: bytes = b""
    is_ahead: bool = False


Step = Callable[[Draft, FrameView], Ending | None]
