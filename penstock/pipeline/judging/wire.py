"""An event between the log's bytes and the log's bytes: what the steps look at is decoded, the rest stays raw.

Invariant: a value that no step changes is written again exactly as it came, so that big integers and floats keep every
digit. Null counts as absent: a field that is null is left out.
"""

from typing import Any

import msgspec
from msgspec import Raw

from penstock.kit.json import NESTING_LIMIT, JsonError, Notes, is_too_deep, mended

ABSENT = Raw(b"")
"""Value of a raw field that is not there."""
EMPTY_OBJECT = Raw(b"{}")


class WireEvent(msgspec.Struct, omit_defaults=True, forbid_unknown_fields=True, rename="camel"):
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


_RAW_FIELDS = ("context", "integrations", "properties", "traits", "metadata")
_FIELDS = {field.encode_name: field.name for field in msgspec.structs.fields(WireEvent)}
_event_decoder = msgspec.json.Decoder(WireEvent)
_fields_decoder = msgspec.json.Decoder(dict[str, Raw])
_decode = msgspec.json.Decoder().decode
_encode = msgspec.json.Encoder().encode
_BROKEN = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
_OPENING = ord("{")


def read_event(data: bytes | memoryview) -> tuple[WireEvent, dict[str, Raw] | None, Notes]:
    """The event, the fields that the API does not name, and what was mended. Raises JsonError."""
    text = bytes(data)
    if is_too_deep(text, NESTING_LIMIT):
        raise JsonError(f"nested deeper than {NESTING_LIMIT} levels")
    try:
        # Raw values are not looked into by the typed decoder: this pass finds what a strict reader would refuse later.
        _decode(text)
        event = _event_decoder.decode(text)
    except _BROKEN:
        return _read_slowly(text)
    if b"null" in text:
        _drop_nulls(event)
    return event, None, {}


def _read_slowly(data: bytes) -> tuple[WireEvent, dict[str, Raw] | None, Notes]:
    """For events with fields of the sender's own, and for those that need mending."""
    text, notes = mended(data)
    try:
        _decode(text)
        fields = _fields_decoder.decode(text)
        event = WireEvent()
        unknown = {}
        for key, value in fields.items():
            name = _FIELDS.get(key)
            if name is None:
                unknown[key] = value
            else:
                setattr(event, name, value if name in _RAW_FIELDS else _decode(value))
    except _BROKEN as error:
        raise JsonError(str(error)) from error
    _drop_nulls(event)
    return event, unknown or None, notes


def _drop_nulls(event: WireEvent) -> None:
    for name in _RAW_FIELDS:
        value = getattr(event, name)
        if value is not ABSENT and is_null(value):
            setattr(event, name, ABSENT)


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
    try:
        _decode(data)
    except _BROKEN:
        data, _ = mended(data)
        try:
            _decode(data)
        except _BROKEN as error:
            raise JsonError(str(error)) from error
    return data


def object_of(fields: dict[str, Raw]) -> Raw:
    return Raw(_encode(fields))
