"""The room on disk: measured by who can see it, told to every process that has to give way."""

from penstock.infra.disk.gauge import DiskGauge
from penstock.infra.disk.room import DirectoryRoom, Room, StoreRoom, free_room
from penstock.infra.disk.watch import DiskWatch

__all__ = ["DirectoryRoom", "DiskGauge", "DiskWatch", "Room", "StoreRoom", "free_room"]
