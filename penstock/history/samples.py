"""Finds some of the last events of a source in ROUTED, for those who want to see what its properties hold.

Values are looked up when somebody asks and kept nowhere else, so that they end with the log; people who were deleted
are passed over as by all who read history. What is looked at is bounded: an event that came rarely may not be found.
"""

from collections.abc import Callable, Iterator
from typing import Any

import msgspec
import structlog

from penstock.infra.log import Log, Message
from penstock.infra.snapshots import SnapshotView
from penstock.kit.time import read_iso
from penstock.spec import routed
from penstock.spec.deletions import Deleted, Deletions
from penstock.spec.event import TYPE_NUMBERS, EventType
from penstock.spec.frame import FrameError
from penstock.spec.samples import FindSamples, SampledEvents

logger = structlog.get_logger(__name__)

WINDOW = 32
"""Frames between two steps back, from the end of the log."""
WINDOWS = 16
LOOKED_THROUGH = 32 << 20
"""Bytes of frames that are looked through for one answer."""
BYTES_LIMIT = 1 << 20
"""Of all events in one answer."""


class _Event(msgspec.Struct, rename="camel"):
    """What is looked at of each."""

    event: Any = None
    name: Any = None
    user_id: Any = None
    anonymous_id: Any = None
    received_at: Any = None


_decode = msgspec.json.Decoder(_Event).decode


class EventSamples:
    """Answers the call, for all shards: every engine may read every stream."""

    def __init__(self, log: Log, view: SnapshotView, shards: int, open_key: Callable[[bytes], bytes]) -> None:
        self._log = log
        self._view = view
        self._shards = shards
        self._deletions = Deletions(open_key)

    async def answer(self, call: FindSamples) -> SampledEvents:
        """Raises LogError."""
        deletions = self._view.frozen().deletions_of(call.workspace_id)
        search = _Search(call, self._deletions.among(deletions))
        for shard in range(self._shards):
            await self._look_through(routed.stream_name(shard), search)
        return SampledEvents(search.found)

    async def _look_through(self, stream: str, search: "_Search") -> None:
        state = await self._log.state(stream)
        end = state.last
        for _ in range(WINDOWS):
            start = place = max(state.first, end - WINDOW + 1)
            while place <= end and not search.is_full:
                batch = [each for each in await self._log.get_batch(stream, place) if each.sequence <= end]
                for message in reversed(batch):
                    search.look_into(message)
                place = batch[-1].sequence + 1 if batch else end + 1
            if search.is_full or start <= state.first:
                return
            end = start - 1


class _Search:
    """One question on its way."""

    def __init__(self, call: FindSamples, deleted: Deleted | None) -> None:
        self._call = call
        self._deleted = deleted
        self._number = TYPE_NUMBERS[EventType(call.event_type)] if call.event_type else None
        self._ids = frozenset(call.message_ids)
        self._left, self._unread = BYTES_LIMIT, LOOKED_THROUGH
        self.found: list[bytes] = []

    @property
    def is_full(self) -> bool:
        return len(self.found) >= self._call.limit or self._left <= 0 or self._unread <= 0

    def look_into(self, message: Message) -> None:
        """Take what is meant of one frame, its last event first."""
        self._unread -= len(message.payload)
        try:
            head, body = routed.decoder.frame(message.payload)
        except FrameError as error:
            logger.error("A ROUTED frame cannot be read.", sequence=message.sequence, reason=str(error))  # noqa: TRY400
            return
        for text in self._texts(head, body):
            if self.is_full:
                return
            if len(text) <= self._left and self._is_meant(_decode(text)):
                self.found.append(text)
                self._left -= len(text)

    def _texts(self, head: routed.RoutedHead, body: memoryview) -> Iterator[bytes]:
        meant = routed.SourceRef(self._call.workspace_id, self._call.source_id)
        numbers = {number for number, source in enumerate(head.sources) if source == meant}
        for row in reversed(head.rows):
            if row.source in numbers and self._is_one(row):
                yield bytes(body[row.offset : row.offset + row.length])

    def _is_one(self, row: routed.RoutedRow) -> bool:
        """As far as the row tells. What waits for its function is no event yet, or comes again; an object is none."""
        if row.fate in (routed.FOR_FUNCTION, routed.FOR_WAREHOUSES):
            return False
        if self._ids:
            return row.message_id in self._ids
        return row.event_type == self._number

    def _is_meant(self, event: _Event) -> bool:
        name = event.event if self._call.event_type == EventType.TRACK else event.name
        if self._call.event_name and name != self._call.event_name:
            return False
        received = read_iso(event.received_at) if isinstance(event.received_at, str) else None
        person = (_text(event.user_id), _text(event.anonymous_id))
        moment = received[0] if received else 0
        return self._deleted is None or not self._deleted.covers(self._call.source_id, *person, moment)


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None
