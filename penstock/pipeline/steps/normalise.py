"""Stage 3: the fields that the server decides, so that every delivered event has the same shape."""

import ipaddress
from itertools import islice
from typing import Any

import msgspec
from msgspec import UNSET, Raw

from penstock.kit.time import format_iso, parse_iso
from penstock.pipeline.judging.draft import Draft, Ending, FrameView, RequestView
from penstock.pipeline.judging.wire import ABSENT, EMPTY_OBJECT, WireEvent, fields_of, is_object, object_of
from penstock.spec.event import PROPERTIES_LIMIT

VERSION = 2
CLIENT_PLATFORMS = frozenset({"website", "mobile"})
CLIENT_LIBRARIES = frozenset(
    {
        "analytics.js",
        "analytics-ios",
        "analytics-android",
        "analytics-kotlin",
        "analytics-swift",
        "analytics-react-native",
        "amp",
    }
)
_DAY_MS = 86_400_000
_SHORTEST_MEMBER = 5
"""Bytes of `"":1,`: an object shorter than this times the limit cannot hold too many members."""


class ContextView(msgspec.Struct):
    """What decides about `ip` and `channel`; all else in the context is passed over."""

    ip: Any = UNSET
    direct: Any = None
    library: Any = None


_context_decoder = msgspec.json.Decoder(ContextView)
_NO_CONTEXT = ContextView()


def normalise(draft: Draft, frame: FrameView) -> Ending | None:
    del frame
    event, request = draft.event, draft.request
    assert request.source is not None  # noqa: S101 - stage 2 ends what has no source
    event.message_id = draft.row.message_id
    draft.is_ahead = set_timestamps(event, request)
    view = _NO_CONTEXT if event.context is ABSENT else _context_decoder.decode(event.context)
    is_client = _is_client(request.source.platform, view)
    if is_client and request.peer and (view.ip is UNSET or view.ip is None):
        event.context = _with_ip(event.context, request.peer)
    event.channel = "client" if is_client else "server"
    event.version = VERSION
    event.project_id = request.source.id
    event.write_key = None
    if event.integrations is ABSENT:
        event.integrations = EMPTY_OBJECT
    if event.context is ABSENT:
        event.context = EMPTY_OBJECT
    if event.metadata is not ABSENT:
        draft.metadata = bytes(event.metadata) if is_object(event.metadata) else b""
        event.metadata = ABSENT
    if draft.row.length > PROPERTIES_LIMIT * _SHORTEST_MEMBER:
        event.properties, event.traits = bounded(event.properties), bounded(event.traits)
    return None


def set_timestamps(event: WireEvent, request: RequestView) -> bool:
    """`timestamp` = received - (sent - original): what the client's clock is off is taken out.

    Without a client time it is the time of arrival; without a time of sending nothing is known of the client's clock,
    and its time stays as it is (imports of old events). Returns whether it lies more than a day in the future: such
    events are kept, but they stop readers that go by the highest time.
    """
    sent, sent_text = request.sent_at, request.sent_text
    if event.sent_at is not None and (own := time_of(event.sent_at)) is not None:
        sent, sent_text = own, format_iso(own)
    original = None if event.original_timestamp is None else time_of(event.original_timestamp)
    if original is None and event.timestamp is not None:
        original = time_of(event.timestamp)
    event.received_at, event.sent_at = request.received_text, sent_text
    if original is None:
        event.original_timestamp = event.timestamp = request.received_text
        return False
    happened = original if sent is None else request.received_at - sent + original
    event.original_timestamp = format_iso(original)
    event.timestamp = event.original_timestamp if sent is None else format_iso(happened)
    return happened - request.received_at > _DAY_MS


def time_of(value: Any) -> int | None:
    """Milliseconds of a wire time; what cannot be read counts as absent."""
    return parse_iso(value) if isinstance(value, str) else None


def ipv4_of(peer: str) -> str:
    """`peer` where it is an IPv4 address (also in its IPv6 dress), else nothing."""
    try:
        address = ipaddress.ip_address(peer)
    except ValueError:
        return ""
    if isinstance(address, ipaddress.IPv6Address):
        mapped = address.ipv4_mapped
        return "" if mapped is None else str(mapped)
    return str(address)


def bounded(members: Raw) -> Raw:
    """An object with at most as many members as an event may have; further ones are dropped."""
    if members is ABSENT:
        return members
    fields = fields_of(members)
    if len(fields) <= PROPERTIES_LIMIT:
        return members
    return object_of(dict(islice(fields.items(), PROPERTIES_LIMIT)))


def _is_client(platform: str, view: ContextView) -> bool:
    if platform in CLIENT_PLATFORMS or view.direct is True:
        return True
    library = view.library
    name = library.get("name") if isinstance(library, dict) else None
    return isinstance(name, str) and name in CLIENT_LIBRARIES


def _with_ip(context: Raw, address: str) -> Raw:
    fields = {} if context is ABSENT else fields_of(context)
    fields["ip"] = Raw(b'"%s"' % address.encode())
    return object_of(fields)
