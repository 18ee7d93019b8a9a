"""Counts how the events of one frame ended, with names bounded, so that a head stays small whatever senders write."""

from typing import Any

from penstock.pipeline.judging.draft import Ending
from penstock.spec.event import TYPE_NUMBERS, EventType
from penstock.spec.outcome import Outcome
from penstock.spec.routed import OutcomeCount

DISTINCT_NAMES = 200
DISTINCT_VERSIONS = 20
NAME_LENGTH = 255
OTHER = "other"

RECEIVED = Ending(Outcome.RECEIVED, "")


class Tally:
    """Sum over all counts of a request = its elements. A name in the count is that of a track event."""

    def __init__(self) -> None:
        self._counts: dict[tuple[int, Ending, str, str, str], int] = {}

    def count(
        self,
        source: int,
        ending: Ending,
        event_type: str = "",
        name: str = "",
        number: int = 1,
        app_version: str = "",
    ) -> None:
        """Names are bounded when all are counted: an event costs one look-up here."""
        key = (source, ending, event_type, name, app_version)
        self._counts[key] = self._counts.get(key, 0) + number

    def count_stranger(self, source: int, ending: Ending, event_type: Any, name: Any, app_version: str = "") -> None:
        """As `count`, of an event whose type and name may be anything."""
        known_type = event_type if isinstance(event_type, str) and event_type in TYPE_NUMBERS else ""
        is_named = known_type in (EventType.TRACK, "") and isinstance(name, str)
        self.count(source, ending, known_type, name if is_named else "", app_version=app_version)

    def outcomes(self) -> list[OutcomeCount]:
        names, versions = {""}, {""}
        bounded: dict[tuple[int, Ending, str, str, str], int] = {}
        for (source, ending, event_type, full_name, version), number in self._counts.items():
            name = _bounded(full_name[:NAME_LENGTH], names, DISTINCT_NAMES)
            key = (source, ending, event_type, name, _bounded(version, versions, DISTINCT_VERSIONS))
            bounded[key] = bounded.get(key, 0) + number
        return [
            OutcomeCount(source, ending.outcome.value, ending.reason, event_type, name, number, version)
            for (source, ending, event_type, name, version), number in bounded.items()
        ]


def _bounded(word: str, known: set[str], limit: int) -> str:
    if word not in known and len(known) > limit:
        return OTHER
    known.add(word)
    return word
