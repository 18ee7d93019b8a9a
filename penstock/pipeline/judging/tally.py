"""Counts how the events of one frame ended, with names bounded, so that a head stays small whatever senders write."""

from typing import Any

from penstock.pipeline.judging.draft import Ending
from penstock.spec.event import TYPE_NUMBERS, EventType
from penstock.spec.outcome import Outcome
from penstock.spec.routed import OutcomeCount

DISTINCT_NAMES = 200
NAME_LENGTH = 255
OTHER = "other"

RECEIVED = Ending(Outcome.RECEIVED, "")


class Tally:
    """Sum over all counts of a request = its elements. A name in the count is that of a track event."""

    def __init__(self) -> None:
        self._counts: dict[tuple[int, Ending, str, str], int] = {}
        self._names: set[str] = set()

    def count(self, source: int, ending: Ending, event_type: Any = "", name: Any = "", number: int = 1) -> None:
        known_type = event_type if isinstance(event_type, str) and event_type in TYPE_NUMBERS else ""
        bounded = self._bounded(name) if known_type in (EventType.TRACK, "") and isinstance(name, str) else ""
        key = (source, ending, str(known_type), bounded)
        self._counts[key] = self._counts.get(key, 0) + number

    def _bounded(self, name: str) -> str:
        name = name[:NAME_LENGTH]
        if name not in self._names and name:
            if len(self._names) >= DISTINCT_NAMES:
                return OTHER
            self._names.add(name)
        return name

    def outcomes(self) -> list[OutcomeCount]:
        return [
            OutcomeCount(source, ending.outcome.value, ending.reason, event_type, name, number)
            for (source, ending, event_type, name), number in self._counts.items()
        ]
