"""Measures the room that an engine has left, and publishes the level of the log's store on a core subject.

A file system tells nobody that it fills, so it is asked every `disk_seconds`. What is told: each change of the level,
and, as long as the level is not `PLENTY`, every measurement, so that a process that starts then learns of it.
"""

from collections.abc import Callable

import msgspec
import structlog

from penstock.infra.disk.room import DirectoryRoom, StoreRoom
from penstock.infra.log import Log, LogError
from penstock.kit.clock import Clock
from penstock.kit.settings import Settings
from penstock.spec.disk import REPORT_SUBJECT, DiskReport, Level

logger = structlog.get_logger(__name__)


class DiskGauge:
    """`run` for ever; who listens is told each measurement, before it is published.

    Two places count for this process, and `level` is the worse: the data directory, which holds its dedupe index, and
    the store of the log. Only the second is published: with an external log engine a full directory of this engine
    stops this engine, and edges go on. Where the account has no limit nothing is known of that store, hence nothing
    published; the edge then refuses what the log engine refuses.
    """

    def __init__(self, settings: Settings, log: Log, clock: Clock, *, is_embedded: bool) -> None:
        self._log = log
        self._clock = clock
        self._seconds = settings.disk_seconds
        self._directory = DirectoryRoom(settings)
        self._store = StoreRoom(settings, log, is_embedded=False)
        self._is_embedded = is_embedded
        self._published = Level.PLENTY
        self.report: DiskReport | None = None
        """The last measurement that counts for this process; None before the first."""
        self._listeners: list[Callable[[DiskReport], None]] = []

    @property
    def level(self) -> Level:
        return self.report.level if self.report else Level.PLENTY

    def listen(self, listener: Callable[[DiskReport], None]) -> None:
        """Have `listener` called with every measurement."""
        self._listeners.append(listener)

    async def run(self) -> None:
        """Measure for ever. Raises nothing."""
        while True:
            try:
                await self._measure()
            except (OSError, LogError) as error:
                logger.warning("The room on disk cannot be measured.", reason=str(error))
            await self._clock.sleep(self._seconds)

    async def _measure(self) -> None:
        directory = self._directory.report()
        store = directory if self._is_embedded else await self._store.report()
        self._take(max(filter(None, (directory, store)), key=lambda report: report.level))
        if store is not None:
            await self._publish(store)

    def _take(self, report: DiskReport) -> None:
        if report.level != self.level:
            log = logger.warning if report.level else logger.info
            log("The room on disk has changed its level.", level=report.level.name, free=report.free, mark=report.mark)
        self.report = report
        for listener in self._listeners:
            listener(report)

    async def _publish(self, report: DiskReport) -> None:
        if report.level or report.level != self._published:
            await self._log.publish_core(REPORT_SUBJECT, msgspec.msgpack.encode(report))
            self._published = report.level
