"""The values that cross the log's border: messages read, streams described."""

from typing import Literal

import msgspec

MAX_PAYLOAD = 8 << 20
"""Bytes of one message at most; the server is configured with the same number."""

Storage = Literal["file", "memory"]


class Message(msgspec.Struct, frozen=True):
    """One stored message. Sequences are the stream's and start at 1."""

    subject: str
    sequence: int
    time_ms: int
    payload: bytes


class StreamSpec(msgspec.Struct, frozen=True):
    """A stream that must exist. What holds positions has no limit of age or size: whoever keeps them purges."""

    name: str
    subjects: tuple[str, ...]
    storage: Storage = "file"
    replicas: int = 1
    max_messages_per_subject: int = -1
    max_bytes: int = -1
    """Of the whole stream; the oldest message goes."""
    max_age_seconds: int = 0
    """0: for ever."""
    max_payload: int = MAX_PAYLOAD


class StreamState(msgspec.Struct, frozen=True):
    """Where a stream begins and ends. `last` stays when everything is purged; `created` identifies its life."""

    first: int
    last: int
    messages: int
    bytes: int
    created: str = ""


class Entry(msgspec.Struct, frozen=True):
    """One value of a bucket; `revision` is the stream sequence that wrote it."""

    key: str
    value: bytes
    revision: int
    time_ms: int
