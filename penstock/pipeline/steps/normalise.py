"""Stage 3: the fields that the server decides, so that every delivered event has the same shape."""

import ipaddress
from functools import lru_cache
from itertools import islice
from typing import Any

from msgspec import Raw

from penstock.kit.time import format_iso, read_iso
from penstock.pipeline.judging.draft import Draft, Ending, FrameView, RequestView
from penstock.pipeline.judging.wire import ABSENT, NO_OBJECT, WireEvent, fields_of, object_of
from penstock.spec.event import PROPERTIES_LIMIT

VERSION = 2
_DAY_MS = 86_400_000
_LARGE = PROPERTIES_LIMIT * len('"":1,')
"""Bytes that too many members take at least."""


def normalise(draft: Draft, frame: FrameView) -> Ending | None:
    """What the merged context decides (`ip`, `channel`) was settled with it."""
    del frame
    event, request, row = draft.event, draft.request, draft.row
    event.message_id = row.message_id
    draft.is_ahead = set_timestamps(event, request)
    event.version = VERSION
    event.project_id = request.project_id
    event.write_key = None
    if event.metadata is not ABSENT:
        draft.metadata = b"" if event.metadata is NO_OBJECT else bytes(event.metadata)
        event.metadata = ABSENT
    if row.length > _LARGE:
        event.properties, event.traits = bounded(event.properties), bounded(event.traits)
    return None


def set_timestamps(event: WireEvent, request: RequestView) -> bool:
    """`timestamp` = received - (sent - original): what the client's clock is off is taken out.

    Without a client time it is the time of arrival; without a time of sending nothing is known of the client's clock,
    and its time stays as it is (imports of old events). Returns whether it lies more than a day in the future: such
    events are kept, but they stop readers that go by the highest time.
    """
    lag, sent_text = request.lag, request.sent_text
    if event.sent_at is not None and (own := time_of(event.sent_at)) is not None:
        lag, sent_text = request.received_at - own[0], own[1]
    original = None if event.original_timestamp is None else time_of(event.original_timestamp)
    if original is None and event.timestamp is not None:
        original = time_of(event.timestamp)
    event.received_at, event.sent_at = request.received_text, sent_text
    if original is None:
        event.original_timestamp = event.timestamp = request.received_text
        return False
    happened, event.original_timestamp = original
    if lag is None:
        event.timestamp = event.original_timestamp
    else:
        happened += lag
        event.timestamp = format_iso(happened)
    return happened - request.received_at > _DAY_MS


def time_of(value: Any) -> tuple[int, str] | None:
    """Milliseconds and spelling of a wire time; what cannot be read counts as absent."""
    return read_iso(value) if isinstance(value, str) else None


# Senders come again, and reading an address costs as much as judging a small event.
@lru_cache(maxsize=4096)
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
