"""What judging finds in events besides their outcomes: which names they have, and which rules they violate.

A ROUTED frame tells it as one packed value, so that those who deliver need not read it; facts sum it by source and day.
Names of events and of what they hold are told, values never are.
"""

import re
from collections.abc import Sequence

import msgspec

VALUE_TYPES = ("string", "integer", "number", "boolean", "array", "object", "null")
"""In persisted order: counts of types stand at these places. Append only."""
NAME_LENGTH = 255
OTHER = "other"
"""Stands for all names past a limit."""
PROPERTIES_LIMIT = 300
"""Names of one event that are told apart."""
_ROW_BYTES = 24
EACH_ITEM = "$"
"""The segment of a path that stands for all items of an array."""


_address = re.compile(r"[^\s@]@[^\s@]+\.[^\s@]")


def holds_address(name: str) -> bool:
    """Whether there is an e-mail address in a name: it is a person's, and no name is kept that holds one."""
    return "@" in name and _address.search(name) is not None


class SeenProperty(msgspec.Struct, array_like=True, frozen=True):
    """A property or trait, in how many events it was, and with how many values of each type."""

    path: str
    """Below `properties` or `traits`, with dots."""
    count: int
    types: list[int]
    """By the places of VALUE_TYPES."""


class SeenShape(msgspec.Struct, array_like=True, frozen=True):
    """Events of one source with one type and name that held the same names."""

    source: int
    """Index into the head's sources."""
    event_type: str
    event_name: str
    """Of track, page and screen; else empty."""
    count: int
    names: list[str]
    sampled: int
    """How many of them were looked into."""
    kinds: list[tuple[bytes, int]]
    """In how many of those the values of `names` were of these types, each one byte: a place in VALUE_TYPES."""
    nested: list[tuple[str, int, int]]
    """(path, place of the type, how many of those): what objects and arrays held."""


class ViolationCount(msgspec.Struct, array_like=True, frozen=True):
    """How often events of one source violated one rule in one way."""

    source: int
    """Index into the head's sources."""
    event_type: str
    event_name: str
    rule_type: str
    rule_key: str
    rule_version: float
    field: str
    """From the event's root; `$` stands for each item of an array."""
    kind: str
    """`Required`, `Invalid Type` …"""
    count: int
    samples: list[tuple[str, str]]
    """Message id and description of the last ones."""


class Budget:
    """How many bytes of names a frame or a fact may still take: senders may make up any."""

    def __init__(self, size: int) -> None:
        self._size = self._left = size

    @property
    def is_half_used(self) -> bool:
        return self._left < self._size // 2

    def takes(self, *names: str) -> bool:
        """Whether there is room for them; if so it is used up."""
        size = _ROW_BYTES + sum(len(name) if name.isascii() else 4 * len(name) for name in names)
        if size > self._left:
            return False
        self._left -= size
        return True


class ViolationSample(msgspec.Struct, array_like=True, frozen=True):
    """One event that violated a rule; by its message id it is found where events are kept."""

    message_id: str
    time: int
    """Milliseconds."""
    description: str


class Findings(msgspec.Struct, array_like=True, frozen=True):
    """Of one frame."""

    seen: list[SeenShape] = []
    violations: list[ViolationCount] = []


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Findings)


def encode_findings(seen: Sequence[SeenShape], violations: Sequence[ViolationCount]) -> bytes:
    """Empty where nothing was found."""
    return _encoder.encode(Findings(list(seen), list(violations))) if seen or violations else b""


def decode_findings(packed: bytes) -> Findings:
    """Raises msgspec.MsgspecError."""
    return _decoder.decode(packed) if packed else Findings()
