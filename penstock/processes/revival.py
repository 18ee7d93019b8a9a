"""The embedded log engine and a full disk: how much it may store, and that it comes back when there is room again.

A JetStream that meets a full disk switches itself or a stream off, for good; and what it may store is fixed from start
to end. Only a new start mends the one and the other, so it is ended and its supervisor starts it anew.
"""

import asyncio
from pathlib import Path

import structlog

from penstock.infra.disk import free_room
from penstock.infra.log.server import EmbeddedServer
from penstock.kit.settings import Settings
from penstock.spec.disk import RESERVE, Level, level_of, mark_of

logger = structlog.get_logger(__name__)

LOOK_SECONDS = 2.0
_LOOKS = 2
"""How often in a row it must be found off or short."""
_LEAST_LIMIT = 64 << 20
"""What it may store on a disk that is full already, as far as there is room at all: it must be able to start."""
_OFF = "it has switched itself off"
_SHORT = "it may store less than there is room for"


def storage_limit(settings: Settings) -> int:
    """Bytes that the engine may hold: what it has and what is free now, without a reserve that nothing may fill."""
    room = free_room(settings.data)
    stored = sum(map(_size, (Path(settings.data) / "nats").rglob("*")))
    reserve = round(_mark(settings, room.total) * RESERVE)
    return max(stored + room.free - reserve, min(_LEAST_LIMIT, stored + room.free))


def _size(path: Path) -> int:
    try:
        return path.stat().st_size if path.is_file() else 0
    except OSError:  # the engine has removed it meanwhile
        return 0


async def revive(server: EmbeddedServer, settings: Settings) -> None:
    """Look for ever whether it works and may store what it can; end it where a new start would mend that."""
    looks = 0
    while True:
        await asyncio.sleep(LOOK_SECONDS)
        try:
            trouble = await _trouble(server, settings) if server.is_started else ""
            looks = looks + 1 if trouble else 0
            if looks >= _LOOKS and server.is_started and _has_room(settings):
                logger.error("The log engine is started again.", reason=trouble)
                await server.kill()
                looks = 0
        except OSError as error:  # the engine removes folders while they are measured
            logger.warning("The log engine cannot be looked at.", reason=str(error))


async def _trouble(server: EmbeddedServer, settings: Settings) -> str:
    """What a new start would mend; empty where nothing is."""
    if not await server.is_healthy():
        return _OFF
    if (found := await server.storage()) is None:
        return ""
    stored, limit = found
    return _SHORT if await asyncio.to_thread(_is_short, settings, stored, limit) else ""


def _is_short(settings: Settings, stored: int, limit: int) -> bool:
    """Whether it comes near a limit that a new start would raise by as much: nothing is restarted for less."""
    mark = _mark(settings, free_room(settings.data).total)
    return limit - stored < mark <= storage_limit(settings) - limit


def _has_room(settings: Settings) -> bool:
    room = free_room(settings.data)
    return level_of(room.free, _mark(settings, room.total), Level.PLENTY) < Level.FULL


def _mark(settings: Settings, total: int) -> int:
    return mark_of(total, settings.low_disk_megabytes, settings.low_disk_percent)
