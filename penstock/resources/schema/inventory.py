"""What is kept of the events of one name: their properties or traits, merged from facts. Pure."""

from collections.abc import Iterable
from operator import add

import msgspec

from penstock.spec.findings import OTHER, PROPERTIES_LIMIT, VALUE_TYPES, SeenProperty


class KnownProperty(msgspec.Struct, array_like=True):
    """In how many events it was, with how many values of each type, and when (milliseconds)."""

    count: int
    types: list[int]
    """By the places of `spec.findings.VALUE_TYPES`."""
    first: int
    last: int


Properties = dict[str, KnownProperty]
"""By path."""
_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Properties)


def decode_properties(packed: bytes) -> Properties:
    return _decoder.decode(packed)


def encode_properties(properties: Properties) -> bytes:
    return _encoder.encode(properties)


def merge(known: Properties, seen: Iterable[SeenProperty], first: int, last: int) -> None:
    """Add to `known`, in place, what was seen between two times. Names past the limit are `other`."""
    for each in seen:
        path = each.path if each.path in known or len(known) < PROPERTIES_LIMIT else OTHER
        grow(known, path, KnownProperty(each.count, each.types, first, last))


def grow(known: Properties, path: str, more: KnownProperty) -> None:
    """Add to one of `known`, in place."""
    found = known.get(path)
    if found is None:
        known[path] = KnownProperty(more.count, list(more.types), more.first, more.last)
        return
    found.count += more.count
    found.types = list(map(add, found.types, more.types))
    found.first, found.last = min(found.first, more.first), max(found.last, more.last)


def types_of(known: KnownProperty) -> dict[str, int]:
    """Values by the name of their type, without those that it had never."""
    return {name: number for name, number in zip(VALUE_TYPES, known.types, strict=True) if number}
