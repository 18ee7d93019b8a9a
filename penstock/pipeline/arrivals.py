"""Opens ACCEPTED frames and watches what must never happen: damage, and gaps in the numbers of a writer."""

from collections import OrderedDict

import msgspec
import structlog

from penstock.infra.log import Message
from penstock.spec.accepted import AcceptedHead, decoder
from penstock.spec.frame import FrameDamaged, FrameError, count_of

logger = structlog.get_logger(__name__)

WRITERS = 1_024
"""Writers remembered; an edge that restarts is a new one."""
COUNT_LIMIT = 1_000_000


class Arrival(msgspec.Struct, frozen=True):
    """An opened frame; `head` is None where it is damaged, and `count` says how many events it held then."""

    sequence: int
    head: AcceptedHead | None
    body: memoryview
    count: int


class Arrivals:
    """Alarms are counted in `gaps` and `damaged`."""

    def __init__(self) -> None:
        self._numbers: OrderedDict[str, int] = OrderedDict()
        self.gaps = 0
        self.damaged = 0

    def open(self, message: Message) -> Arrival:
        """Raises FrameUnknown for a frame of a newer release: passing over it would lose its events."""
        try:
            head, body = decoder.frame(message.payload)
        except FrameDamaged as error:
            self.damaged += 1
            logger.error(  # noqa: TRY400 - the frame is at fault, not this code
                "An ACCEPTED frame is damaged.",
                sequence=message.sequence,
                subject=message.subject,
                reason=str(error),
            )
            return Arrival(message.sequence, None, memoryview(b""), _count(message.payload))
        self._follow(head, message.sequence)
        return Arrival(message.sequence, head, body, len(head.rows))

    def forget(self) -> None:
        """Frames are read again from the position: numbers seen beyond it mean nothing."""
        self._numbers.clear()

    def _follow(self, head: AcceptedHead, sequence: int) -> None:
        before = self._numbers.pop(head.writer, None)
        self._numbers[head.writer] = head.number
        if len(self._numbers) > WRITERS:
            self._numbers.popitem(last=False)
        if before is not None and head.number != before + 1:
            self.gaps += 1
            logger.error(
                "Frames of a writer are missing or repeated.",
                writer=head.writer,
                number=head.number,
                expected=before + 1,
                sequence=sequence,
            )


def _count(payload: bytes) -> int:
    """How many events a damaged frame says that it held, bounded, at least one."""
    try:
        return max(1, min(count_of(payload), COUNT_LIMIT))
    except FrameError:
        return 1
