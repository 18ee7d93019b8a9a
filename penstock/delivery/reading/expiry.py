"""How far back events are still delivered: what nobody read within `max_lag` ends as expired, counted before it goes.

Retention keeps what a reader has not read a day longer than this, so that whoever lags passes over it by itself, event
by event, and no frame is purged uncounted. Time is the log's own: a clock that a test has shifted expires nothing.
"""

from collections.abc import Callable, Iterable

import structlog

from penstock.delivery.served import Served
from penstock.infra.log import Log, LogUnavailable
from penstock.kit.clock import Clock
from penstock.kit.settings import Settings
from penstock.spec.routed import stream_name

logger = structlog.get_logger(__name__)

_HOUR_MS = 3_600_000


class Expiry:
    """Of one shard."""

    def __init__(self, settings: Settings, log: Log, shard: int, clock: Clock) -> None:
        self._settings = settings
        self._log = log
        self._stream = stream_name(shard)
        self._clock = clock
        self.below = 0
        """Events of ROUTED under this sequence are delivered no more."""

    async def look(self) -> None:
        """Ask the log where what is too old ends. Raises LogError."""
        hours = max(self._settings.routed_hours, self._settings.max_lag_hours) + self._settings.clock_offset_hours
        moment = max(0, round(self._clock.now_ms() - hours * _HOUR_MS))
        self.below = max(self.below, await self._log.sequence_at(self._stream, moment))

    async def run(self, served: Callable[[], Iterable[Served]]) -> None:
        """Wake those that are behind by too much; with nobody behind nothing is asked."""
        while True:
            await self._clock.sleep(self._settings.retention_seconds)
            behind = [one for one in served() if one.is_behind]
            if not behind:
                continue
            try:
                await self.look()
            except LogUnavailable as error:
                logger.info("What is too old is looked for later.", stream=self._stream, reason=str(error))
                continue
            for one in behind:
                if self.alarm(one.id, one.place[0]):
                    one.room.set()

    def alarm(self, reader: str, sequence: int) -> bool:
        """Whether a reader at `sequence` has lagged for too long."""
        if sequence >= self.below:
            return False
        logger.error("A reader lagged for too long: events expire.", reader=reader, first=sequence, below=self.below)
        return True
