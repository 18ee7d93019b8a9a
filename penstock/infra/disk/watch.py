"""The room of the log's store, as a process sees it that has to give way: what it sees itself, and what engines tell.

It looks itself, before it begins and then every `disk_seconds`, so that no engine need live for the level to be known:
one that died of the full disk opens no edge, and one that never spoke closes none. Where this process cannot see the
store (an external log engine whose account has no limit, or the embedded one of another machine) the reports of engines
are all that is known. A report that nobody repeats within five measurements counts no more: who wrote it may have died,
and nothing here could tell when its level is over. What the log engine then refuses is refused all the same.

A look that fails leaves what was seen before: it is repeated, and what cannot be asked cannot store either.
"""

import asyncio

import msgspec
import structlog

from penstock.infra.disk.room import StoreRoom
from penstock.infra.log import CoreMessage, CoreSubscription, Log, LogError
from penstock.kit.settings import Settings
from penstock.spec.disk import REPORT_SUBJECT, DiskReport, Level

logger = structlog.get_logger(__name__)

PUBLISHERS = 1_024
"""As many engines as there may be shards, four times."""


class DiskWatch:
    """`worst` is the report that counts now. `open`, then `close`."""

    def __init__(self, log: Log, store: StoreRoom, disk_seconds: float) -> None:
        self._log = log
        self._store = store
        self._seconds = disk_seconds
        self._reports: dict[str, DiskReport] = {}
        self._expiries: dict[str, asyncio.TimerHandle] = {}
        self._subscription: CoreSubscription | None = None
        self._looking: asyncio.Task[None] | None = None
        self.own: DiskReport | None = None
        """What this process has seen itself; None where it cannot see."""
        self.worst: DiskReport | None = None
        """None while there is plenty."""

    @classmethod
    async def open(cls, log: Log, settings: Settings, *, is_embedded: bool) -> "DiskWatch":
        """Knows the level where this process can see it."""
        watch = cls(log, StoreRoom(settings, log, is_embedded=is_embedded), settings.disk_seconds)
        watch._subscription = await log.subscribe_core(REPORT_SUBJECT, watch._arrived)
        await watch._look()
        watch._looking = asyncio.create_task(watch._look_on(), name="room on disk")
        return watch

    async def close(self) -> None:
        if self._looking is not None:
            self._looking.cancel()
            await asyncio.gather(self._looking, return_exceptions=True)
        if self._subscription is not None:
            await self._subscription.close()
        for publisher in list(self._reports):
            self._forget(publisher)

    def reason(self, level: Level) -> str:
        """Why what gives way at `level` does so now; empty where it does not."""
        return self.worst.reason() if self.worst is not None and self.worst.level >= level else ""

    @property
    def known(self) -> DiskReport | None:
        """The worst that is known, also where that is plenty; None where nothing is."""
        return self.worst or self.own

    async def _look_on(self) -> None:
        while True:
            await asyncio.sleep(self._seconds)
            await self._look()

    async def _look(self) -> None:
        try:
            self.own = await self._store.report()
        except (OSError, LogError) as error:
            logger.warning("The room on disk cannot be measured.", reason=str(error))
        self._judge()

    async def _arrived(self, message: CoreMessage) -> None:
        try:
            report = msgspec.msgpack.decode(message.data, type=DiskReport)
        except msgspec.MsgspecError as error:
            logger.warning("A report of the room on disk cannot be read.", reason=str(error))
            return
        self._take(report)

    def _take(self, report: DiskReport) -> None:
        self._drop(report.publisher)
        if report.level and len(self._reports) < PUBLISHERS:
            loop = asyncio.get_running_loop()
            self._reports[report.publisher] = report
            self._expiries[report.publisher] = loop.call_later(5 * self._seconds, self._forget, report.publisher)
        self._judge()

    def _forget(self, publisher: str) -> None:
        self._drop(publisher)
        self._judge()

    def _drop(self, publisher: str) -> None:
        if (expiry := self._expiries.pop(publisher, None)) is not None:
            expiry.cancel()
        self._reports.pop(publisher, None)

    def _judge(self) -> None:
        before = self.worst.level if self.worst else Level.PLENTY
        worst = max(filter(None, (self.own, *self._reports.values())), key=lambda report: report.level, default=None)
        self.worst = worst if worst is not None and worst.level else None
        after = self.worst.level if self.worst else Level.PLENTY
        if (before >= Level.FULL) != (after >= Level.FULL):
            logger.warning("The disk is full." if after >= Level.FULL else "The disk has room again.")
