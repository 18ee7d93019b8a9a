"""Frames of ROUTED as delivery reads them: heads first, an event's JSON only where a destination wants it.

An event is copied out of its frame, so that one that waits does not hold the other four megabytes in memory.
"""

from collections import OrderedDict
from copy import copy
from datetime import UTC, datetime
from typing import Any, Self, TypeAlias

import msgspec
from msgspec import UNSET

from penstock.infra.log import Message
from penstock.kit.respelling import respelled
from penstock.spec.delivery import NAME_LIMIT
from penstock.spec.event import EVENT_TYPES, EventType
from penstock.spec.routed import RoutedHead, RoutedRow, SourceRef, decoder, encode_routed

VERSION_LIMIT = 64
_CACHE_BYTES = 4 << 20


class _App(msgspec.Struct):
    version: Any = None


_Other: TypeAlias = str | int | float | bool | list[Any] | None


class _Consent(msgspec.Struct, rename="camel"):
    category_preferences: Any = UNSET


class _Context(msgspec.Struct):
    app: _App | _Other = None
    consent: _Consent | _Other = None


class _Envelope(msgspec.Struct, rename="camel"):
    """What delivery itself looks at in an event. Everything is tolerant: the pipeline has judged already."""

    event: Any = None
    integrations: Any = None
    received_at: Any = None
    user_id: Any = None
    anonymous_id: Any = None
    context: _Context | _Other = None

    @property
    def app_version(self) -> str:
        """`context.app.version`, cut at a limit; empty where there is none."""
        app = self.context.app if isinstance(self.context, _Context) else None
        version = app.version if isinstance(app, _App) else None
        return version[:VERSION_LIMIT] if isinstance(version, str) else ""

    @property
    def consent(self) -> dict[str, Any] | None:
        """What is said of each category; None where nothing is said of consent."""
        consent = self.context.consent if isinstance(self.context, _Context) else None
        told = consent.category_preferences if isinstance(consent, _Consent) else UNSET
        if told is UNSET:
            return None
        return told if isinstance(told, dict) else {}


class _Metadata(msgspec.Struct):
    bundled: Any = None


class _Named(msgspec.Struct):
    name: Any = None


_NAMED = frozenset({EventType.PAGE, EventType.SCREEN})
_named = msgspec.json.Decoder(_Named)
_envelope = msgspec.json.Decoder(_Envelope)
_document = msgspec.json.Decoder(dict[str, Any])
_metadata = msgspec.json.Decoder(_Metadata)


class Person(msgspec.Struct, frozen=True):
    """Who an event is from, as far as it tells; `received_at` in milliseconds, 0 where it does not."""

    user_id: str
    anonymous_id: str
    received_at: int
    app_version: str = ""


class RoutedEvent:
    """One event, shared by all destinations that take it."""

    __slots__ = (
        "_document",
        "anonymous_id",
        "app_version",
        "body",
        "bundled",
        "consent",
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
        self._document: dict[str, Any] | None = None
        envelope = _opened(self.body)
        self.full_name = envelope.event
        """`event` as it stands in the event, whatever it is."""
        self.name = name_of(row.event_type, envelope.event)
        self.integrations: dict[str, Any] | None = (
            envelope.integrations if isinstance(envelope.integrations, dict) else None
        )
        self.user_id = envelope.user_id if isinstance(envelope.user_id, str) else ""
        self.anonymous_id = envelope.anonymous_id if isinstance(envelope.anonymous_id, str) else ""
        self.received_at = milliseconds(envelope.received_at)
        self.app_version = envelope.app_version
        self.consent = envelope.consent
        self.bundled = _bundled(row.metadata)

    @property
    def document(self) -> dict[str, Any] | None:
        """The whole event, decoded once for all that look into it and never changed; None where it cannot be read."""
        if self._document is None:
            try:
                self._document = _document.decode(self.body)
            except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
                return None
        return self._document

    def with_document(self, document: dict[str, Any]) -> Self:
        """The same event with other content, for one destination; it is counted under the name that it had."""
        changed = copy(self)
        changed.body = respelled(self.body, self.document or {}, document)
        changed._document = document  # noqa: SLF001 - it is one of us
        changed.full_name = document.get("event")
        return changed


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


def routed_event(row: RoutedRow, body: bytes) -> RoutedEvent:
    """An event that stands in no frame yet, as it will be read of its frame."""
    alone = msgspec.structs.replace(row, offset=0, source=0)
    head = RoutedHead("", 0, 0, 1, 0, [SourceRef("", "")], [alone], [], [])
    return RoutedFrame(Message("", 0, 0, encode_routed(head, [body]))).event(0)


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


def person_of(body: bytes) -> Person:
    """Whose event it is, when it came, and from which version of the app."""
    found = _opened(body)
    user_id, anonymous_id = (each if isinstance(each, str) else "" for each in (found.user_id, found.anonymous_id))
    return Person(user_id, anonymous_id, milliseconds(found.received_at), found.app_version)


def name_in(event_type: int, body: bytes) -> str:
    """The event's name for the Delivery Overview."""
    return name_of(event_type, _opened(body).event)


def told_name_in(event_type: int, body: bytes) -> str:
    """The name under which people look for an event: that of a page or a screen too, cut at the limit."""
    if EVENT_TYPES[event_type] not in _NAMED:
        return name_in(event_type, body)
    try:
        name = _named.decode(body).name
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return ""
    return name[:NAME_LIMIT] if isinstance(name, str) else ""


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
