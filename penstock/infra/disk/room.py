"""Measures room: of a directory's file system, or of the account that an external log engine gives us."""

import os
from pathlib import Path

import msgspec

from penstock.infra.log import Log
from penstock.kit.ids import resource_id
from penstock.kit.settings import Settings
from penstock.spec.disk import DiskReport, Level, level_of, mark_of


class Room(msgspec.Struct, frozen=True):
    """Bytes that may still be written, and bytes that there are in all."""

    free: int
    total: int


def free_room(directory: str) -> Room:
    """Of the file system that holds a directory, or will hold it once it is made. Raises OSError."""
    wanted = Path(directory).absolute()
    found = os.statvfs(next((path for path in (wanted, *wanted.parents) if path.exists()), wanted))
    return Room(found.f_bavail * found.f_frsize, found.f_blocks * found.f_frsize)


async def log_room(log: Log) -> Room | None:
    """What JetStream leaves to our account; None where it names no limit. Raises LogError."""
    used, limit = await log.storage()
    return Room(max(0, limit - used), limit) if limit > 0 else None


class Scale:
    """Makes reports of what is measured in one place: the level before is that of this place, not of another."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._publisher = resource_id()
        self._level = Level.PLENTY

    def report(self, room: Room) -> DiskReport:
        mark = mark_of(room.total, self._settings.low_disk_megabytes, self._settings.low_disk_percent)
        self._level = level_of(room.free, mark, self._level)
        return DiskReport(self._publisher, self._level, room.free, room.total, mark)


class DirectoryRoom:
    """Of the data directory of this process."""

    def __init__(self, settings: Settings) -> None:
        self._directory = settings.data
        self._scale = Scale(settings)

    def report(self) -> DiskReport:
        """As it is now. Raises OSError."""
        return self._scale.report(free_room(self._directory))

    def reason(self, level: Level) -> str:
        """Why what gives way at `level` does so now; empty where it does not. Raises OSError."""
        report = self.report()
        return report.reason() if report.level >= level else ""


class StoreRoom:
    """Of the store of the log, as far as this process can see it.

    With an embedded log engine that is the data directory, which its edges and engines share with it. With an external
    one it is what the account may hold.
    """

    def __init__(self, settings: Settings, log: Log, *, is_embedded: bool) -> None:
        self._log = log
        self._directory = DirectoryRoom(settings) if is_embedded else None
        self._scale = Scale(settings)

    async def report(self) -> DiskReport | None:
        """As it is now; None where the account has no limit. Raises OSError, LogError."""
        if self._directory is not None:
            return self._directory.report()
        room = await log_room(self._log)
        return self._scale.report(room) if room else None
