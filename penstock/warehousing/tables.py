"""The tables that Penstock itself makes, their fixed columns, and the names that properties cannot take.

Choices where the original is unknown: an event or a collection named like a system table goes to `_<name>`; `pages`
gets the columns that browser SDKs send up front, so that models written for them compile on a site that has had no
campaign yet.
"""

from penstock.catalog.warehouses.values import LogicalType
from penstock.spec.names import identifier

_TIME = LogicalType.TIMESTAMP
_TEXT = LogicalType.VARCHAR

_BASE = {
    "id": _TEXT,
    "received_at": _TIME,
    "sent_at": _TIME,
    "timestamp": _TIME,
    "original_timestamp": _TIME,
    "anonymous_id": _TEXT,
    "user_id": _TEXT,
}
_PAGE = ("url", "path", "title", "search", "referrer", "context_ip", "context_user_agent")
_CAMPAIGN = ("source", "medium", "name", "term", "content")

EVENT_TABLE_COLUMNS = {**_BASE, "event": _TEXT, "event_text": _TEXT}
"""Of `tracks` and of every event's own table."""

DECLARED = {
    "tracks": EVENT_TABLE_COLUMNS,
    "identifies": _BASE,
    "groups": {**_BASE, "group_id": _TEXT},
    "pages": {**_BASE, **dict.fromkeys((*_PAGE, *(f"context_campaign_{part}" for part in _CAMPAIGN)), _TEXT)},
    "screens": _BASE,
    "aliases": {**_BASE, "previous_id": _TEXT},
}
SYSTEM_TABLES = frozenset((*DECLARED, "users", "accounts"))


def table_of(slug: str) -> str:
    """Of the events of a name, or the objects of a collection, in snake_case."""
    name = identifier(slug)
    return "_" + name if name in SYSTEM_TABLES else name


PREFIXED_NAMES = frozenset(("id", "uuid", "uuid_ts", "loaded_at"))
"""Properties and traits of these names get a `_` before their column."""

_MESSAGE_NAMES = frozenset((*_BASE, "event", "event_text")) - {"id"}
DISCARDED_NAMES = {
    "": _MESSAGE_NAMES,
    "groups": _MESSAGE_NAMES | {"group_id"},
    "aliases": _MESSAGE_NAMES | {"previous_id"},
}
"""Properties and traits of these names are discarded, by table; "" is every other table."""
