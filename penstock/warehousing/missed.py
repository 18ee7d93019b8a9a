"""Where sources stand that are not where their warehouse is: what they have missed, until they have it.

A source that is excluded keeps the position up to which it was loaded; connected again, it is read from there until it
meets the warehouse's. Invariants:
- What is not here stands where the warehouse stands.
- A change counts in memory at once and in the target with the next load of its shard, in that load's transaction. One
  that a kill loses is found again, because the position that the target tells is not ahead of it.
"""

from collections.abc import Iterable, Mapping

Key = tuple[int, str]
"""Shard and source."""


def lane_of(shard: int) -> int:
    """The number under which loads of what was missed are kept, beside those of the shard itself: they have no interval
    of the log to themselves, so milliseconds are their sequence.
    """
    return -1 - shard


class SourcePositions:
    """Of one warehouse, by shard."""

    def __init__(self) -> None:
        self._written: dict[Key, int] = {}
        self._changed: dict[Key, int | None] = {}
        self._is_unknown = False
        """Whether the target is of a release that kept no such positions."""

    def of(self, shard: int) -> dict[str, int]:
        """Positions by source."""
        found = {key: sequence for key, sequence in self._written.items() if key[0] == shard}
        for key, sequence in self._changed.items():
            if key[0] == shard:
                found.pop(key, None)
                if sequence is not None:
                    found[key] = sequence
        return {source_id: sequence for (_, source_id), sequence in found.items()}

    def exclude(self, shard: int, position: int, source_ids: Iterable[str]) -> None:
        """From `position` on these are not loaded; those that stand elsewhere already stay there."""
        known = self.of(shard)
        for source_id in source_ids:
            if source_id not in known:
                self._changed[shard, source_id] = 0 if self._is_unknown else position

    def move(self, shard: int, positions: Mapping[str, int | None]) -> None:
        """None: the source stands where the warehouse stands."""
        for source_id, sequence in positions.items():
            if sequence is not None or (shard, source_id) in self._written:
                self._changed[shard, source_id] = sequence
            else:
                self._changed.pop((shard, source_id), None)

    def restart(self, shard: int) -> None:
        """The shard's log was replaced: positions in the old one mean nothing."""
        self.move(shard, dict.fromkeys(self.of(shard), 0))

    def changes(self, shard: int) -> dict[Key, int | None]:
        """What the target does not know yet."""
        return {key: sequence for key, sequence in self._changed.items() if key[0] == shard}

    def is_written(self, shard: int, source_ids: Iterable[str]) -> bool:
        """Whether the target holds a position of one of them."""
        return any((shard, source_id) in self._written for source_id in source_ids)

    def commit(self, changes: Mapping[Key, int | None]) -> None:
        """The target holds these now."""
        self._is_unknown = False
        for key, sequence in changes.items():
            self._changed.pop(key, None)
            if sequence is None:
                self._written.pop(key, None)
            else:
                self._written[key] = sequence

    def read(self, found: Mapping[Key, int] | None, *, is_other: bool) -> None:
        """What the target says. Where it is not as this process left it, what it says alone counts."""
        self._is_unknown = found is None
        self._written = dict(found or {})
        if is_other:
            self._changed.clear()
