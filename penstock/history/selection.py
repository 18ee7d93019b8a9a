"""Which of the events in quarantine a filter means."""

from typing import Any

import msgspec

from penstock.spec.delivery import NAME_LIMIT, QuarantineHead, QuarantineRow
from penstock.spec.mentions import mentioned_in
from penstock.spec.quarantine import QuarantineFilter


class _Visitor(msgspec.Struct, rename="camel"):
    anonymous_id: Any = None


class _Named(msgspec.Struct):
    event: Any = None
    name: Any = None


_visitor = msgspec.json.Decoder(_Visitor)
_named = msgspec.json.Decoder(_Named)


def is_meant(wanted: QuarantineFilter, head: QuarantineHead, row: QuarantineRow, body: memoryview) -> bool:
    """Whether all that is asked holds of one row; `body` is that of its frame."""
    pairs = (
        (wanted.workspace_id, head.workspace_id),
        (wanted.source_id, head.source_id),
        (wanted.destination_id, head.destination_id),
        (wanted.reason, row.reason),
        (wanted.user, row.user_id),
        (wanted.message_id, row.message_id),
    )
    if any(asked and asked != found for asked, found in pairs):
        return False
    if head.written_at < wanted.since or (wanted.until and head.written_at >= wanted.until):
        return False
    return _is_named(wanted, row, body) and _is_of(wanted, head, row, body)


def anonymous_in(row: QuarantineRow, body: memoryview | bytes) -> str:
    """The anonymous id of one row; empty where it has none."""
    try:
        found = _visitor.decode(body[row.offset : row.offset + row.length]).anonymous_id
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return ""
    return found if isinstance(found, str) else ""


def _is_named(wanted: QuarantineFilter, row: QuarantineRow, body: memoryview) -> bool:
    """A row has the beginning of a long name alone."""
    if len(wanted.event) < NAME_LIMIT:
        return wanted.event in ("", row.event_name)
    if row.event_name != wanted.event[:NAME_LIMIT]:
        return False
    found = _named.decode(body[row.offset : row.offset + row.length])
    return wanted.event in (found.event, found.name)


def _is_of(wanted: QuarantineFilter, head: QuarantineHead, row: QuarantineRow, body: memoryview) -> bool:
    """Whether it is of one of the users, objects or anonymous ids, if there are some: a request to a source function
    may name them anywhere.
    """
    named = wanted.users | wanted.objects
    if not (named or wanted.anonymous) or row.user_id in wanted.users:
        return True
    if wanted.anonymous and (head.source_id, anonymous_in(row, body)) in wanted.anonymous:
        return True
    if row.user_id or not named:
        return False
    return not named.isdisjoint(mentioned_in(bytes(body[row.offset : row.offset + row.length])))
