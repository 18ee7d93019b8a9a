"""Sums what sources have used, by day, from the heads of ROUTED frames: calls, and who they were from as sketches."""

from penstock.kit.sketch import Sketch, hashes_of
from penstock.spec.facts import CountedUsage
from penstock.spec.outcome import Outcome
from penstock.spec.routed import RoutedHead, SourceRef

DAY_MS = 86_400_000
_CALLS = {Outcome.RECEIVED.value: 1, Outcome.FILTERED_AT_SOURCE.value: -1}


class _OfSource:
    """One source's on one day."""

    def __init__(self) -> None:
        self.calls = 0
        self.users, self.anonymous, self.tied = Sketch(), Sketch(), Sketch()


class Usage:
    """Grows until it is taken. `size` is what stands in the sketches, in bytes."""

    def __init__(self) -> None:
        self._found: dict[tuple[str, str, int], _OfSource] = {}
        self.size = 0

    def add(self, head: RoutedHead, now_ms: int) -> None:
        """Only first-hand events count: who comes again on another lap came before."""
        if head.lap:
            return
        day = (head.received_at or now_ms) // DAY_MS
        for one in head.outcomes:
            if (sign := _CALLS.get(one.outcome)) is not None and head.sources[one.source].source_id:
                self._of(head.sources[one.source], day).calls += sign * one.count
        for people in head.people:
            of = self._of(head.sources[people.source], day)
            tied = hashes_of(people.tied)
            of.users.add(hashes_of(people.users))
            of.anonymous.add(hashes_of(people.anonymous))
            of.anonymous.add(tied)
            of.tied.add(tied)
            self.size += len(people.users) + len(people.anonymous) + 2 * len(people.tied)

    def counted(self) -> list[CountedUsage]:
        """As the fold reads it."""
        return [
            CountedUsage(*key, of.calls, of.users.encode(), of.anonymous.encode(), of.tied.encode())
            for key, of in self._found.items()
        ]

    def _of(self, source: SourceRef, day: int) -> _OfSource:
        key = (source.workspace_id, source.source_id, day)
        found = self._found.get(key)
        if found is None:
            found = self._found[key] = _OfSource()
        return found
