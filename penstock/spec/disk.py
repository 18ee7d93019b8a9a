"""How much room is left for the log and its neighbours, and what each level of it means. Pure.

Invariants:
- Levels are entered in their order as room shrinks, and each leaves room for the next: history goes, the pipeline
  pauses, requests are refused, and only then would writing fail.
- A level is left when there is an eighth of the mark more than where it was entered, so that nothing flaps.
"""

from enum import IntEnum

import msgspec


class Level(IntEnum):
    """What has to give way; each includes those before it."""

    PLENTY = 0
    LOW = 1
    """History that every reader has passed goes."""
    SCARCE = 2
    """The pipeline and the embedded warehouse pause."""
    FULL = 3
    """The edge answers 503."""


_ENTERED_BELOW = {Level.LOW: 1.0, Level.SCARCE: 0.75, Level.FULL: 0.5}
"""In parts of the mark."""
_MORE_TO_LEAVE = 0.125
RESERVE = 0.25
"""Part of the mark that the embedded log engine never fills, whoever else fails to stop in time."""
REPORT_SUBJECT = "disk.level"
"""Core subject that reports are published on: a stored one would need the room that is missing."""


class DiskReport(msgspec.Struct, frozen=True):
    """What one process has measured of the store of the log."""

    publisher: str
    level: Level
    free: int
    total: int
    mark: int

    def told(self) -> dict[str, int | str]:
        """For status and metrics: bytes."""
        return {"level": self.level.name.lower(), "free": self.free, "total": self.total, "mark": self.mark}

    def reason(self) -> str:
        """Why something gives way, in words for status and answers."""
        return f"the disk is low: {_megabytes(self.free)} MB free of {_megabytes(self.total)}, mark {self.mark >> 20}"


def _megabytes(count: int) -> int:
    return count >> 20


def mark_of(total: int, megabytes: int, percent: float) -> int:
    """Bytes of free room below which it is low."""
    return max(megabytes << 20, round(total * percent / 100))


def level_of(free: int, mark: int, before: Level) -> Level:
    """The level at so much free room, after `before`."""
    found = Level.PLENTY
    for level, part in _ENTERED_BELOW.items():
        limit = part + (_MORE_TO_LEAVE if before >= level else 0.0)
        if free < limit * mark:
            found = level
    return found
