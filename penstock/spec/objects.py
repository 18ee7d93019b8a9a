"""Objects: things of which a source tells the latest state by collection and id (`Segment.set`, functions.md §2.3).

What is told of one is no event. It travels the same log, and warehouses alone read it. All that is told of one object
of a source stands in the log of one shard, so that its order is that of the calls.
"""

import re
from typing import Any

import msgspec

from penstock.spec.event import SINGLE_EVENT_LIMIT

COLLECTION_LIMIT = 127
ID_LIMIT = 512
"""Characters: no warehouse cuts an id, for two objects would become one."""
_collection = re.compile(r"[a-z][a-z0-9_]*")


class ObjectRefused(ValueError):  # noqa: N818 - the consequence is in the name
    """What is told cannot be taken; the text says why."""


class WrittenObject(msgspec.Struct, frozen=True, rename="camel"):
    """What is told of one object by one call: the event's JSON of its row."""

    message_id: str
    received_at: str
    """ISO 8601; of the request from which it was made."""
    collection: str
    id: str
    properties: dict[str, Any]


class ObjectKey(msgspec.Struct, frozen=True):
    """What tells an object from the others of its source; all that the pipeline reads of it."""

    collection: str
    id: str


read_key = msgspec.json.Decoder(ObjectKey).decode
"""Raises msgspec.MsgspecError."""


def key_of(message: dict[str, Any]) -> ObjectKey:
    """Of a call of `Segment.set`, whose id may be an integer. Raises ObjectRefused."""
    collection, identifier = message.get("collection"), message.get("id")
    if not isinstance(collection, str) or len(collection) > COLLECTION_LIMIT or not _collection.fullmatch(collection):
        raise ObjectRefused(
            f"collection has to be a name of lower-case letters, digits and _, at most {COLLECTION_LIMIT} of them"
        )
    if isinstance(identifier, int) and not isinstance(identifier, bool):
        identifier = str(identifier)
    if not isinstance(identifier, str) or not identifier or "\0" in identifier or len(identifier) > ID_LIMIT:
        raise ObjectRefused(f"id has to be a text of at most {ID_LIMIT} characters, or an integer")
    return ObjectKey(collection, identifier)


def written(message: dict[str, Any], key: ObjectKey, message_id: str, received_at: str) -> bytes:
    """The JSON of a row. Raises ObjectRefused."""
    properties = message.get("properties")
    if properties is None:
        properties = {}
    if not isinstance(properties, dict):
        raise ObjectRefused("properties have to be an object")
    text = msgspec.json.encode(WrittenObject(message_id, received_at, key.collection, key.id, properties))
    if len(text) > SINGLE_EVENT_LIMIT:
        raise ObjectRefused(f"the object is too large: {len(text)} bytes, at most {SINGLE_EVENT_LIMIT}")
    return text
