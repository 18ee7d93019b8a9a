"""An event between the log's bytes and the log's bytes: what the steps look at is decoded, the rest stays raw.

Invariants:
- A value that no step changes is written again exactly as it came, so that big integers and floats keep every digit.
- Null counts as absent: a field that is null is left out.
- A raw field of an event that was read is ABSENT, NO_OBJECT, or an object that every strict reader takes.
"""

from typing import Any

import msgspec
from msgspec import Raw

from penstock.kit.json import NESTING_LIMIT, JsonError, Notes, is_too_deep, mended

ABSENT = Raw(b"")
"""Value of a raw field that is not there."""
EMPTY_OBJECT = Raw(b"{}")
NO_OBJECT = Raw(b"0")
"""Value of a raw field that is there and neither an object nor null."""


class WireEvent(msgspec.Struct, omit_defaults=True, forbid_unknown_fields=True, rename="camel", gc=False):
    """The fields that the Tracking API names. Raw ones are objects that are mostly passed on untouched."""

    anonymous_id: Any = None
    category: Any = None
    channel: Any = None
    context: Raw = ABSENT
    event: Any = None
    group_id: Any = None
    integrations: Raw = ABSENT
    message_id: Any = None
    name: Any = None
    original_timestamp: Any = None
    previous_id: Any = None
    project_id: Any = None
    properties: Raw = ABSENT
    received_at: Any = None
    sent_at: Any = None
    timestamp: Any = None
    traits: Raw = ABSENT
    type: Any = None
    user_id: Any = None
    version: Any = None
    write_key: Any = None
    metadata: Raw = msgspec.field(default=ABSENT, name="_metadata")


class _OpenEvent(WireEvent, forbid_unknown_fields=False):
    """An event with fields that the API does not name."""


_NAMES = frozenset(field.encode_name for field in msgspec.structs.fields(WireEvent))
_event_decoder = msgspec.json.Decoder(WireEvent)
_open_event_decoder = msgspec.json.Decoder(_OpenEvent)
_fields_decoder = msgspec.json.Decoder(dict[str, Raw])
_decode = msgspec.json.Decoder().decode
_encode = msgspec.json.Encoder().encode
_BROKEN = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
_OPENING = ord("{")
_NO_NOTES: Notes = {}


def read_event(text: bytes, clean: Raw = ABSENT) -> tuple[WireEvent, dict[str, Raw] | None, Notes]:
    """The event, the fields that the API does not name, and what was mended. Raises JsonError.

    `clean` is a context that was looked into before: the events of a batch repeat theirs.
    """
    if is_too_deep(text, NESTING_LIMIT):
        raise JsonError(f"nested deeper than {NESTING_LIMIT} levels")
    try:
        event = _event_decoder.decode(text)
        _look_into(event, clean)
    except _BROKEN:
        return _read_slowly(text)
    return event, None, _NO_NOTES


def _look_into(event: WireEvent, clean: Raw) -> None:
    """The typed decoder passes over raw values: what a strict reader would refuse in them is found here."""
    if event.context is not ABSENT and event.context != clean:
        event.context = _looked_into(event.context)
    if event.properties is not ABSENT:
        event.properties = _looked_into(event.properties)
    if event.integrations is not ABSENT:
        event.integrations = _looked_into(event.integrations)
    if event.traits is not ABSENT:
        event.traits = _looked_into(event.traits)
    if event.metadata is not ABSENT:
        event.metadata = _looked_into(event.metadata)


def _looked_into(value: Raw) -> Raw:
    found = _decode(value)
    if isinstance(found, dict):
        return value
    return ABSENT if found is None else NO_OBJECT


def _read_slowly(data: bytes) -> tuple[WireEvent, dict[str, Raw] | None, Notes]:
    """For events with fields of the sender's own, and for those that need mending."""
    text, notes = _strict(data)
    try:
        event = _open_event_decoder.decode(text)
        unknown = {name: value for name, value in fields_of(text).items() if name not in _NAMES}
        _look_into(event, ABSENT)
    except _BROKEN as error:
        raise JsonError(str(error)) from error
    return event, unknown or None, notes


def _strict(data: bytes) -> tuple[bytes, Notes]:
    """JSON that a strict reader takes, and what had to be mended for that. Raises JsonError."""
    try:
        _decode(data)
    except _BROKEN:
        data, notes = mended(data)
    else:
        return data, _NO_NOTES
    try:
        _decode(data)
    except _BROKEN as error:
        raise JsonError(str(error)) from error
    return data, notes


def write_event(event: WireEvent, unknown: dict[str, Raw] | None) -> bytes:
    """The JSON of an event as it is delivered."""
    text: bytes = _encode(event)
    if not unknown:
        return text
    return text[:-1] + b"," + _encode(unknown)[1:]


def is_object(value: Raw) -> bool:
    return memoryview(value)[0] == _OPENING


def is_null(value: Raw) -> bool:
    return len(memoryview(value)) == 4 and bytes(value) == b"null"


def fields_of(value: Raw | bytes) -> dict[str, Raw]:
    """The members of a JSON object, raw. Raises msgspec.MsgspecError for anything else."""
    return _fields_decoder.decode(value)


def checked(data: bytes) -> bytes:
    """One JSON value from the edge, mended where a strict reader would refuse it. Raises JsonError."""
    if is_too_deep(data, NESTING_LIMIT):
        raise JsonError(f"nested deeper than {NESTING_LIMIT} levels")
    return _strict(data)[0]


def object_of(fields: dict[str, Raw]) -> Raw:
    return Raw(_encode(fields))
