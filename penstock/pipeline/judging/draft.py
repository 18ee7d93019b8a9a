"""What a step is given: one event on its way (a draft), its request, and the frame in which it is judged."""

from collections.abc import Callable
from collections.abc import Set as AbstractSet
from typing import Any

import msgspec
from msgspec import Raw

from penstock.pipeline.judging.contexts import Contexts
from penstock.pipeline.judging.opening import opened_event, opened_part
from penstock.pipeline.judging.overlay import Base
from penstock.pipeline.judging.rules import SourceRules
from penstock.pipeline.judging.violated import Violated
from penstock.pipeline.judging.wire import Held, WireEvent, write_changed, write_event
from penstock.spec.accepted import AcceptedRow
from penstock.spec.deletions import Deleted
from penstock.spec.outcome import IngestReason, Outcome
from penstock.spec.snapshot import SourceSnapshot
from penstock.spec.suppressed import Suppressed


class Ending(msgspec.Struct, frozen=True, eq=False):
    """How an event ended, where it did not go on. There is one of each kind, so that it is counted by identity."""

    outcome: Outcome
    reason: str
    is_kept: bool = False
    """Whether the event goes to quarantine, from where it can be judged again."""


FAILED = {reason: Ending(Outcome.FAILED_ON_INGEST, reason.value) for reason in IngestReason}
"""One ending per code: steps return these, so that none is made per event."""


FOR_LAP = Ending(Outcome.RECEIVED, "")
"""The event ends here only for now: a function of its source takes it, and what comes back is judged on."""


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
    rules: SourceRules | None = None
    """By what the source has its events judged; None where they pass as they are."""
    suppressed: Suppressed | None = None
    """Whose events are not taken; None where nobody is suppressed."""
    deleted: Deleted | None = None
    """Who was deleted since the request came; None where nobody was."""
    unsuppressed: Deleted | None = None
    """Whose suppression has ended since then; None where nobody's has."""
    lap: str = ""
    """The kind of the function that its source has and that takes what came first-hand; empty: none, or done."""


class Made(msgspec.Struct, frozen=True):
    """An event that the judging of another made, for another source."""

    source_id: str
    message_id: str
    text: bytes
    """The event's JSON."""


class FrameView(msgspec.Struct):
    """What holds for all events of one frame, and the ids that were claimed in it so far."""

    known: AbstractSet[bytes]
    """Those keys of the frame that an earlier frame has claimed."""
    claimed: set[bytes]
    """Keys claimed in this frame so far."""
    made: list[Made] = msgspec.field(default_factory=list)
    """What the judging of the draft at hand made, to be judged next."""
    violated: Violated = msgspec.field(default_factory=Violated)


class Draft(msgspec.Struct, gc=False):
    """One event on its way. Steps change it in place: first its fields, then, as a whole, the document of them."""

    row: AcceptedRow
    request: RequestView
    event: WireEvent
    key: bytes
    """Under which it claims its message id."""
    unknown: dict[str, Raw] | None = None
    """The fields that the Tracking API does not name."""
    held: Held | None = None
    """Its properties and traits as they came, for the schema inventory; None where it is in none."""
    metadata: bytes = b""
    is_ahead: bool = False
    is_part: bool = False
    """Whether the document is a part of the event."""
    _opened: dict[str, Any] | None = None
    _document: dict[str, Any] | None = None

    @property
    def document(self) -> dict[str, Any]:
        """The event as it stands by now, as far as its source's rules look at it; it is never changed in place. The
        fields count no more from here.
        """
        if self._document is None:
            rules = self.request.rules
            if rules is None or rules.looks_at is None:
                return self.whole()
            self.is_part = True
            self._document = self._opened = opened_part(self.event, rules.looks_at, self.held, self.request.contexts)
        return self._document

    @property
    def is_opened(self) -> bool:
        """Whether the fields count no more."""
        return self._document is not None

    def whole(self) -> dict[str, Any]:
        """All of the event, where nothing was changed yet: the document is it from now on."""
        if self._document is None or self.is_part:
            self.is_part = False
            self._document = self._opened = opened_event(self.event, self.unknown, self.held, self.request.contexts)
        return self._document

    def change(self, document: dict[str, Any]) -> None:
        """Go on with this one, made of `document`."""
        self._document = document

    def as_admitted(self) -> bytes:
        """The JSON of the event as the fields have it."""
        return write_event(self.event, self.unknown)

    def written(self) -> bytes:
        """The JSON of the event as it stands by now."""
        before, after = self._opened, self._document
        if before is None or after is None or after is before:
            return self.as_admitted()
        return write_changed(self.event, self.unknown, before, after)


Step = Callable[[Draft, FrameView], Ending | None]
