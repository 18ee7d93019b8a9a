"""Frames of ROUTED as delivery reads them: heads first, an event's JSON only where a destination wants it.

An event is copied out of its frame, so that one that waits does not hold the other four megabytes in memory.
"""

from collections import OrderedDict
from datetime import UTC, datetime
from typing import Any

import msgspec

from penstock.infra.log import Message
from penstock.spec.event import EVENT_TYPES, EventType
from penstock.spec.routed import RoutedHead, RoutedRow, decoder

NAME_LIMIT = 100
_CACHE_BYTES = 4 << 20


class _Envelope(msgspec.Struct, rename="camel"):
    """What delivery itself looks at in an event. Everything is tolerant: the pipeline has judged already."""

    event: Any = None
    integrations: Any = None
    received_at: Any = None
    user_id: Any = None


class _Metadata(msgspec.Struct):
    bundled: Any = None


_envelope = msgspec.json.Decoder(_Envelope)
_metadata = msgspec.json.Decoder(_Metadata)


class RoutedEvent:
    """One event, shared by all destinations that take it."""

    __slots__ = (
        "body",
        "bundled",
        "event_type",
        "full_name",
        "index",
        "integrations",
        "message_id",
        "name",
        "received_at",
        "sequence",
        "source_id",
        "user_id",
        "workspace_id",
    )

    def __init__(self, frame: "RoutedFrame", index: int, row: RoutedRow) -> None:
        source = frame.head.sources[row.source]
        self.sequence = frame.sequence
        self.index = index
        self.workspace_id = source.workspace_id
        self.source_id = source.source_id
        self.event_type = row.event_type
        self.message_id = row.message_id
        self.body = bytes(frame.body[row.offset : row.offset + row.length])
        envelope = _opened(self.body)
        self.full_name = envelope.event
        """`event` as it stands in the event, whatever it is."""
        self.name = name_of(row.event_type, envelope.event)
        self.integrations: dict[str, Any] | None = (
            envelope.integrations if isinstance(envelope.integrations, dict) else None
        )
        self.user_id = envelope.user_id if isinstance(envelope.user_id, str) else ""
        self.received_at = milliseconds(envelope.received_at)
        self.bundled = _bundled(row.metadata)


class RoutedFrame:
    """One message of ROUTED, decoded once."""

    __slots__ = ("_events", "body", "head", "sequence", "size", "source_ids", "time_ms")

    def __init__(self, message: Message) -> None:
        self.sequence = message.sequence
        self.time_ms = message.time_ms
        self.size = len(message.payload)
        head, body = decoder.frame(message.payload)
        self.head: RoutedHead = head
        self.body = body
        self.source_ids = frozenset(source.source_id for source in head.sources)
        self._events: dict[int, RoutedEvent] = {}

    def event(self, index: int) -> RoutedEvent:
        """The event of one row. Kept while the frame is, for the next destination that asks."""
        found = self._events.get(index)
        if found is None:
            found = self._events[index] = RoutedEvent(self, index, self.head.rows[index])
        return found


class FrameCache:
    """The last few megabytes of frames: destinations a little behind read what the common reader has just read."""

    def __init__(self) -> None:
        self._frames: OrderedDict[int, RoutedFrame] = OrderedDict()
        self._bytes = 0

    def get(self, sequence: int) -> RoutedFrame | None:
        return self._frames.get(sequence)

    def decode(self, message: Message) -> RoutedFrame:
        """The frame of a message. Raises FrameError."""
        if (known := self._frames.get(message.sequence)) is not None:
            return known
        frame = RoutedFrame(message)
        self._frames[frame.sequence] = frame
        self._bytes += frame.size
        while self._bytes > _CACHE_BYTES and len(self._frames) > 1:
            _, oldest = self._frames.popitem(last=False)
            self._bytes -= oldest.size
        return frame


def name_of(event_type: int, name: Any) -> str:
    """What the Delivery Overview groups by: the name of a tracked event, cut at a limit; empty for other types."""
    if EVENT_TYPES[event_type] is not EventType.TRACK or not isinstance(name, str):
        return ""
    return name[:NAME_LIMIT]


def milliseconds(timestamp: Any) -> int:
    """An ISO 8601 timestamp in milliseconds since the epoch; 0 where it is none."""
    if not isinstance(timestamp, str):
        return 0
    try:
        moment = datetime.fromisoformat(timestamp)
    except ValueError:
        return 0
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return int(moment.timestamp() * 1000 + 0.5)


def user_id_of(body: bytes) -> str:
    """The event's user id; empty where it has none."""
    user_id = _opened(body).user_id
    return user_id if isinstance(user_id, str) else ""


def name_in(event_type: int, body: bytes) -> str:
    """The event's name for the Delivery Overview."""
    return name_of(event_type, _opened(body).event)


def _opened(body: bytes) -> _Envelope:
    try:
        return _envelope.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return _Envelope()


def _bundled(metadata: bytes) -> frozenset[str]:
    if not metadata:
        return frozenset()
    try:
        bundled = _metadata.decode(metadata).bundled
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return frozenset()
    return frozenset(name for name in bundled if isinstance(name, str)) if isinstance(bundled, list) else frozenset()
