"""Opens an event to be judged: all of it, or a part, whatever was decoded before being shared."""

from collections.abc import Iterable
from typing import Any, Protocol

import msgspec
from msgspec import Raw

from penstock.pipeline.judging.wire import ABSENT, FIELDS, Held, WireEvent

Part = tuple[tuple[str, str], ...]
"""Fields of an event, and how each is written."""
_decode = msgspec.json.Decoder().decode


class Opens(Protocol):
    """Decodes what many events share, once."""

    def opened(self, context: Raw) -> dict[str, Any]: ...


def part_of(names: Iterable[str]) -> Part | None:
    """The fields of these names; None where one of them is a name of the sender's own."""
    wanted = frozenset(names)
    if not wanted <= FIELDS.keys():
        return None
    return tuple((field, name) for name, field in FIELDS.items() if name in wanted)


_WHOLE = tuple((field, name) for name, field in FIELDS.items())


def opened_part(event: WireEvent, part: Part, held: Held | None, contexts: Opens) -> dict[str, Any]:
    """These members of what `write_event` writes, decoded."""
    found: dict[str, Any] = {}
    for field, name in part:
        value = getattr(event, field)
        if value is None or value is ABSENT:
            continue
        if type(value) is Raw:
            value = contexts.opened(value) if name == "context" else _opened(value, held)
        found[name] = value
    return found


def opened_event(
    event: WireEvent, unknown: dict[str, Raw] | None, held: Held | None, contexts: Opens
) -> dict[str, Any]:
    """All of it."""
    found = opened_part(event, _WHOLE, held, contexts)
    if unknown:
        found |= {name: _decode(value) for name, value in unknown.items()}
    return found


def _opened(value: Raw, held: Held | None) -> Any:
    if held is not None:
        properties, traits, of_properties, of_traits = held
        if value is of_properties:
            return properties
        if value is of_traits:
            return traits
    return _decode(value)
