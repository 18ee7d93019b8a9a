"""Counts which rules the events of one frame violate, and how: one count by event, rule, field and kind."""

from collections.abc import Iterable
from typing import Any

from penstock.spec.event import EventType
from penstock.spec.findings import EACH_ITEM, NAME_LENGTH, OTHER, Budget, ViolationCount
from penstock.spec.plans import Rule, Violation

BYTES_LIMIT = 256 << 10
"""Of all words by which the violations of one frame are told apart."""
SAMPLES = 3
"""The last ones of each way."""
_NAMED = {EventType.TRACK: "event", EventType.PAGE: "name", EventType.SCREEN: "name"}
_Key = tuple[int, str, str, str, str, float, str, str]


class _Way:
    """One way of violating."""

    def __init__(self) -> None:
        self.count = 0
        self.samples: list[tuple[str, str]] = []

    def add(self, message_id: str, description: str) -> None:
        self.count += 1
        if len(self.samples) >= 2 * SAMPLES:
            del self.samples[:-SAMPLES]
        self.samples.append((message_id, description[:NAME_LENGTH]))


class Violated:
    """Of one frame."""

    def __init__(self) -> None:
        self._budget = Budget(BYTES_LIMIT)
        self._found: dict[_Key, _Way] = {}

    def add(self, source: int, event: dict[str, Any], rule: Rule, violations: Iterable[Violation]) -> None:
        """What `rule` has found in one event of `source`, an index into the frame's."""
        event_type = event["type"]
        # An event without a name of its own may have a field of any name, the empty one as well.
        name = event.get(_NAMED[event_type]) or "" if event_type in _NAMED else ""
        about = (source, event_type, name[:NAME_LENGTH], rule.type, rule.key[:NAME_LENGTH], rule.version)
        for violation in violations:
            key: _Key = (*about, _field(violation.field), violation.type)
            if key not in self._found and not self._budget.takes(
                *key[2:5], *key[6:], *[violation.description] * SAMPLES
            ):
                key = (source, event_type, OTHER, rule.type, OTHER, 0.0, OTHER, OTHER)
            self._found.setdefault(key, _Way()).add(event["messageId"], violation.description)

    def counted(self) -> list[ViolationCount]:
        return [ViolationCount(*key, way.count, way.samples[-SAMPLES:]) for key, way in self._found.items()]


def _field(field: str) -> str:
    """The same for each item of an array."""
    if not any(map(str.isdecimal, field)):
        return field[:NAME_LENGTH]
    return ".".join(EACH_ITEM if part.isdecimal() else part for part in field.split("."))[:NAME_LENGTH]
