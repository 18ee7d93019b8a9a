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
from penstock.kit.respelling import Spellings, respelled, spellings_of

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


FIELDS = {field.encode_name: field.name for field in msgspec.structs.fields(WireEvent)}
"""How the fields are written, and their names here."""
_RAW = {field.encode_name: field.name for field in msgspec.structs.fields(WireEvent) if field.type is Raw}
_event_decoder = msgspec.json.Decoder(WireEvent)
_open_event_decoder = msgspec.json.Decoder(_OpenEvent)
_fields_decoder = msgspec.json.Decoder(dict[str, Raw])
_decode = msgspec.json.Decoder().decode
_encode = msgspec.json.Encoder().encode
_BROKEN = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
_OPENING = ord("{")
_NO_NOTES: Notes = {}
Held = tuple[dict[str, Any], dict[str, Any], Raw, Raw]
"""The properties and the traits of an event, decoded to be looked at, and what they were decoded from. Nobody changes
them."""
_NOTHING: dict[str, Any] = {}


def read_event(text: bytes, clean: Raw = ABSENT) -> tuple[WireEvent, dict[str, Raw] | None, Notes, Held]:
    """The event, the fields that the API does not name, what was mended, and what the event holds. Raises JsonError.

    `clean` is a context that was looked into before: the events of a batch repeat theirs.
    """
    if is_too_deep(text, NESTING_LIMIT):
        raise JsonError(f"nested deeper than {NESTING_LIMIT} levels")
    try:
        event = _event_decoder.decode(text)
        held = _look_into(event, clean)
    except _BROKEN:
        return _read_slowly(text)
    return event, None, _NO_NOTES, held


def _look_into(event: WireEvent, clean: Raw) -> Held:
    """The typed decoder passes over raw values: what a strict reader would refuse in them is found here."""
    properties = traits = _NOTHING
    if event.context is not ABSENT and event.context != clean:
        event.context = _looked_into(event.context)
    if event.properties is not ABSENT:
        found = _decode(event.properties)
        if isinstance(found, dict):
            properties = found
        else:
            event.properties = ABSENT if found is None else NO_OBJECT
    if event.integrations is not ABSENT:
        event.integrations = _looked_into(event.integrations)
    if event.traits is not ABSENT:
        found = _decode(event.traits)
        if isinstance(found, dict):
            traits = found
        else:
            event.traits = ABSENT if found is None else NO_OBJECT
    if event.metadata is not ABSENT:
        event.metadata = _looked_into(event.metadata)
    return properties, traits, event.properties, event.traits


def _looked_into(value: Raw) -> Raw:
    found = _decode(value)
    if isinstance(found, dict):
        return value
    return ABSENT if found is None else NO_OBJECT


def _read_slowly(data: bytes) -> tuple[WireEvent, dict[str, Raw] | None, Notes, Held]:
    """For events with fields of the sender's own, and for those that need mending."""
    text, notes = _strict(data)
    try:
        event = _open_event_decoder.decode(text)
        unknown = {name: value for name, value in fields_of(text).items() if name not in FIELDS}
        held = _look_into(event, ABSENT)
    except _BROKEN as error:
        raise JsonError(str(error)) from error
    return event, unknown or None, notes, held


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


def write_changed(
    event: WireEvent, unknown: dict[str, Raw] | None, before: dict[str, Any], after: dict[str, Any]
) -> bytes:
    """The JSON of `event` with what `after` has otherwise than `before`, which is `event` or a part of it, decoded.

    What is the same in both keeps its spelling. No field of an event is ever taken away, only what stands in it.
    """
    spellings = _spellings(event, before)
    event, unknown = msgspec.structs.replace(event), unknown.copy() if unknown else {}
    for name, value in after.items():
        if (known := before.get(name, ABSENT)) is value:
            continue
        field = FIELDS.get(name)
        if field is None:
            unknown[name] = Raw(_encode(spellings.of(value)))
        elif name not in _RAW:
            setattr(event, field, spellings.of(value))
        elif type(value) is dict and type(known) is dict and not spellings.is_ours:
            setattr(event, field, Raw(respelled(getattr(event, field), known, value, spellings)))
        else:
            setattr(event, field, Raw(_encode(spellings.of(value))))
    return write_event(event, unknown)


def _spellings(event: WireEvent, opened: dict[str, Any]) -> Spellings:
    return spellings_of([(getattr(event, _RAW[name]), opened[name]) for name in opened if name in _RAW])


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
