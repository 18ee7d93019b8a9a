"""The syncs of one warehouse: step by step up to where the log ends, one at a time, reported as they are committed."""

import asyncio
from collections.abc import Mapping

import msgspec
import structlog

from penstock.catalog.warehouses.port import SyncRecord, WarehouseLocked
from penstock.infra.log import Log, StreamState
from penstock.infra.snapshots import Snapshots
from penstock.kit.clock import Clock
from penstock.kit.ids import resource_id
from penstock.kit.time import format_iso
from penstock.spec.snapshot import WarehouseSnapshot
from penstock.warehousing.loading import Target
from penstock.warehousing.reading import RoutedReader
from penstock.warehousing.reporting import Reporter

logger = structlog.get_logger(__name__)


class Totals(msgspec.Struct):
    """What was loaded since the start."""

    rows: int = 0
    events: int = 0
    syncs: int = 0


class WarehouseSync:
    """All shards of one warehouse."""

    def __init__(self, log: Log, target: Target, clock: Clock) -> None:
        self.target = target
        self.totals = Totals()
        self.error = ""
        self.positions: dict[int, int] = {}
        self._log = log
        self._clock = clock
        self._reporters: dict[int, Reporter] = {}
        self._unreported: set[int] = set()
        self._busy = asyncio.Lock()
        self._is_ending = False

    async def recover(self, shards: int) -> None:
        """At a start: learn the positions and report what was committed without a fact. Raises what `sync` raises."""
        async with self._busy:
            for shard in range(shards):
                self.positions[shard] = await self.target.position(shard)
                await self._reporter(shard).report(0)

    async def sync(self, snapshots: Snapshots, ends: Mapping[int, StreamState]) -> None:
        """Load each shard up to its end. Raises WarehouseError, LogError; what was loaded until then stays."""
        async with self._busy:
            for shard, end in ends.items():
                if self._is_ending:
                    return
                if shard in self._unreported:
                    await self._report(shard, 0)
                await self._sync_shard(shard, end, snapshots)
            self.error = ""

    async def end(self) -> None:
        """Close for good, after the step that is being loaded."""
        self._is_ending = True
        async with self._busy:
            await self.target.end()

    async def fail(self, error: Exception) -> None:
        """Remember what went wrong, and report it the first time that it does. Raises LogError."""
        text = str(error)
        if text == self.error:
            return
        self.error = text
        logger.error("A warehouse sync failed.", warehouse=self.target.snapshot.id, reason=text)
        if not isinstance(error, WarehouseLocked):
            await self._reporter(0).report_failure(self._failure(text))

    async def _sync_shard(self, shard: int, end: StreamState, snapshots: Snapshots) -> None:
        position = await self.target.position(shard)
        if position > end.last:
            logger.error(
                "The routed log was replaced; it is loaded from its beginning.", shard=shard, position=position
            )
            await self.target.forget_position(shard)
            position = 0
        if end.messages and position and position + 1 < end.first:
            # Frames without work may be read and not yet written as the position: then nothing is lost.
            logger.warning(
                "Routed frames were purged above the position.", shard=shard, after=position, first=end.first
            )
        self.positions[shard] = position
        if position >= end.last:
            return
        warehouse = snapshots.warehouses.get(self.target.snapshot.id, self.target.snapshot)
        reader = RoutedReader(self._log, shard, warehouse, snapshots.sources)
        while position < end.last and not self._is_ending:
            position = await self._step(shard, reader, position, end.last, warehouse)

    async def _step(
        self, shard: int, reader: RoutedReader, after: int, until: int, warehouse: WarehouseSnapshot
    ) -> int:
        started_at = self._clock.now_ms()
        step = await reader.step(after, until)
        report = await self.target.load(shard, after, step, started_at)
        if report is None:
            return await self.target.position(shard)
        self.positions[shard] = step.to
        self.totals.rows += report.rows
        self.totals.events += report.events
        if report.records:
            self.totals.syncs += 1
            logger.info("Warehouse loaded.", warehouse=warehouse.id, rows=report.rows, to=step.to)
            await self._report(shard, step.to)
        return step.to

    async def _report(self, shard: int, to: int) -> None:
        self._unreported.add(shard)
        await self._reporter(shard).report(to)
        self._unreported.discard(shard)

    def _reporter(self, shard: int) -> Reporter:
        if shard not in self._reporters:
            self._reporters[shard] = Reporter(self._log, self.target, shard)
        return self._reporters[shard]

    def _failure(self, text: str) -> SyncRecord:
        now = format_iso(self._clock.now_ms())
        notice = {"level": "ERROR", "message": text[:1_000], "createdAt": now}
        return SyncRecord(
            resource_id(),
            self.target.snapshot.id,
            "",
            0,
            self.positions.get(0, 0),
            now,
            now,
            "FAILURE",
            0.0,
            0,
            0,
            [notice],
        )
