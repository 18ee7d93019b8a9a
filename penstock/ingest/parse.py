"""From a body to raw events and their ids: as little of the JSON is decoded as the answer depends on.

What the strict parser refuses is mended and parsed once more (penstock.kit.json) before it is refused. Skipped text is
checked for well-formedness only; what else may be wrong with an event is the pipeline's business.
"""

from typing import Any, Self, TypeVar

import msgspec

from penstock.ingest.answers import Refusal, invalid_json, too_large
from penstock.kit.ids import message_id
from penstock.kit.json import NESTING_LIMIT, is_too_deep, mended
from penstock.spec.outcome import IngestReason

ELEMENT_LIMIT = 32 * 1024
COUNT_LIMIT = 2_500
MERGED_LIMIT = 4 << 20
_NULL = b"null"
_NONE: dict[str, int] = {}


class _Ids(msgspec.Struct, rename="camel", gc=False):
    message_id: str | None = None
    user_id: str | None = None
    anonymous_id: str | None = None
    write_key: str | None = None


class _RawIds(msgspec.Struct, rename="camel"):
    """The same members where one of them is of a type that it should not be."""

    message_id: msgspec.Raw = msgspec.Raw(_NULL)
    user_id: msgspec.Raw = msgspec.Raw(_NULL)
    anonymous_id: msgspec.Raw = msgspec.Raw(_NULL)
    write_key: msgspec.Raw = msgspec.Raw(_NULL)


class _Batch(msgspec.Struct, rename="camel"):
    batch: list[msgspec.Raw]
    write_key: Any = None
    sent_at: msgspec.Raw = msgspec.Raw(_NULL)
    context: msgspec.Raw = msgspec.Raw(_NULL)
    integrations: msgspec.Raw = msgspec.Raw(_NULL)


_ids = msgspec.json.Decoder(_Ids)
_raw_ids = msgspec.json.Decoder(_RawIds)
_batches = msgspec.json.Decoder(_Batch)
_object = msgspec.json.Decoder(dict[str, msgspec.Raw])
_unreadable = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
T = TypeVar("T")


class ParsedRequest(msgspec.Struct, gc=False):
    """The events of a request in their order. `keys` holds what picks the shard of each.

    `left_out` and `notes` may be shared: they are replaced, never changed.
    """

    events: list[bytes]
    message_ids: list[str]
    made: list[bool]
    keys: list[bytes | str]
    write_key: str | None = None
    sent_at: bytes = b""
    context: bytes = b""
    integrations: bytes = b""
    left_out: dict[str, int] = {}
    notes: dict[str, int] = {}

    def add(self, event: bytes, ids: _Ids, shard_key: bytes | str | None = None) -> Self:
        sent = ids.message_id
        identifier = sent or message_id()
        self.events.append(event)
        self.message_ids.append(identifier)
        self.made.append(not sent)
        key = ids.anonymous_id if ids.anonymous_id is not None else ids.user_id
        self.keys.append(shard_key if shard_key is not None else identifier if key is None else key)
        return self


def parse_single(body: bytes) -> ParsedRequest:
    """One event. Raises Refusal."""
    try:
        ids, shard_key, notes = _ids.decode(body), None, None
    except _unreadable:
        body, (ids, shard_key), notes = _strict_then_mended(body, _ids_of)
    # An object takes five bytes of what it stands in, as `{"":` and `}`: most events are too short to be too deep.
    if body.count(b"[") + len(body) // 5 >= NESTING_LIMIT and is_too_deep(body, NESTING_LIMIT):
        raise invalid_json("Nested too deep")
    return _single(body, ids, shard_key, notes)


def _single(body: bytes, ids: _Ids, shard_key: bytes | str | None, notes: dict[str, int] | None) -> ParsedRequest:
    """What `add` would make of it, at once: of small requests most of the time goes into steps like these."""
    sent = ids.message_id
    identifier = sent or message_id()
    if shard_key is None and (shard_key := ids.anonymous_id) is None and (shard_key := ids.user_id) is None:
        shard_key = identifier
    none = _NONE
    return ParsedRequest(
        [body], [identifier], [not sent], [shard_key], ids.write_key, b"", b"", b"", none, notes or none
    )


def parse_batch(body: bytes) -> ParsedRequest:
    """The events of a batch, without the elements that are too large or too many. Raises Refusal."""
    _, batch, notes = _strict_then_mended(body, _batch_of)
    parsed = ParsedRequest(
        [], [], [], [], _key_text(batch.write_key), _raw(batch.sent_at), _raw(batch.context), _raw(batch.integrations)
    )
    parsed.notes = notes
    if not batch.batch:
        parsed.left_out = {IngestReason.EMPTY_BATCH: 1}
    if (excess := len(batch.batch) - COUNT_LIMIT) > 0:
        parsed.left_out = {IngestReason.BATCH_LIMIT_EXCEEDED: excess}
    for element in batch.batch[:COUNT_LIMIT]:
        _add_element(parsed, bytes(element))
    shared = len(parsed.context) + len(parsed.integrations)
    if sum(map(len, parsed.events)) + len(parsed.events) * shared > MERGED_LIMIT:
        raise too_large()
    return parsed


def _add_element(parsed: ParsedRequest, element: bytes) -> None:
    if len(element) > ELEMENT_LIMIT:
        code = IngestReason.EVENT_TOO_LARGE
        parsed.left_out = parsed.left_out | {code: parsed.left_out.get(code, 0) + 1}
        return
    try:
        ids, shard_key = _ids_of(element)
    except Refusal:
        ids, shard_key = _Ids(), None  # no object: the pipeline gives it its outcome
    except _unreadable:
        element, notes = mended(element)
        parsed.notes = {code: parsed.notes.get(code, 0) + notes.get(code, 0) for code in parsed.notes | notes}
        ids, shard_key = _ids_of(element)
    parsed.add(element, ids, shard_key)


def _strict_then_mended(body: bytes, read: "Any") -> tuple[bytes, Any, dict[str, int]]:
    try:
        return body, read(body), {}
    except _unreadable:
        pass
    text, notes = mended(body)
    try:
        return text, read(text), notes
    except _unreadable:
        raise invalid_json() from None


def _ids_of(event: bytes) -> tuple[_Ids, bytes | None]:
    """The ids; and what picks the shard, where that is not simply one of them."""
    try:
        return _ids.decode(event), None
    except msgspec.ValidationError:
        pass
    try:
        raw = _raw_ids.decode(event)
    except msgspec.ValidationError:
        raise invalid_json("Body must be an object") from None
    ids = _Ids(_text(raw.message_id), _text(raw.user_id), _text(raw.anonymous_id), _text(raw.write_key))
    odd = _raw(raw.anonymous_id) or _raw(raw.user_id)
    return ids, None if odd.startswith(b'"') else odd or None


def _batch_of(body: bytes) -> _Batch:
    try:
        return _batches.decode(body)
    except msgspec.ValidationError:
        raise invalid_json("Body must be an object with an array `batch`") from None


def _raw(value: msgspec.Raw) -> bytes:
    """Empty for null: it counts as absent."""
    text = bytes(value)
    return b"" if text == _NULL else text


def _text(value: msgspec.Raw) -> str | None:
    text = bytes(value)
    return msgspec.json.decode(text, type=str) if text.startswith(b'"') else None


def _key_text(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    raise Refusal(400, "invalid_write_key", "Invalid writeKey")
