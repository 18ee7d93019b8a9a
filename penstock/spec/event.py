"""The six event types and the words that every part uses of an event."""

from enum import StrEnum


class EventType(StrEnum):
    """A call of the Tracking API, once accepted."""

    TRACK = "track"
    IDENTIFY = "identify"
    PAGE = "page"
    SCREEN = "screen"
    GROUP = "group"
    ALIAS = "alias"


EVENT_TYPES = tuple(EventType)
"""In persisted order: a row of a ROUTED frame names its type by the position in here. Append only."""

TYPE_NUMBERS = {event_type: number for number, event_type in enumerate(EVENT_TYPES)}

HOLDERS: dict[str, str] = {
    EventType.TRACK: "properties",
    EventType.PAGE: "properties",
    EventType.SCREEN: "properties",
    EventType.IDENTIFY: "traits",
    EventType.GROUP: "traits",
}
"""Where an event of a type keeps what its sender tells: what plans declare, and what names without a prefix mean."""

CLIENT = "client"
SERVER = "server"
"""Values of an event's `channel`: who sent it (tracking-api.md §9.3)."""

SINGLE_EVENT_LIMIT = 32 * 1024
BATCH_BODY_LIMIT = 512_000
BATCH_MERGED_LIMIT = 4 * 1024 * 1024
BATCH_COUNT_LIMIT = 2_500
MESSAGE_ID_LIMIT = 100
PROPERTIES_LIMIT = 10_000
"""Limits of the Tracking API (bytes, events, characters, names); single events count 32 KiB after decompression."""
