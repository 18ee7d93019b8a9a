"""The syncs of one warehouse: step by step up to where the log ends, one at a time, reported as they are committed."""

import asyncio
from collections.abc import Callable, Mapping
from typing import TypeVar

import msgspec
import structlog

from penstock.catalog.warehouses.port import LoadReport, SyncRecord, Warehouse, WarehouseLocked
from penstock.infra.log import Log, StreamState
from penstock.infra.snapshots import Snapshots
from penstock.kit.clock import Clock
from penstock.kit.ids import resource_id
from penstock.kit.time import format_iso
from penstock.spec import streams
from penstock.spec.deletions import Deleted
from penstock.spec.snapshot import WarehouseSnapshot
from penstock.spec.tail import CLOSED, Tap
from penstock.warehousing.loading import Forget, Target
from penstock.warehousing.missed import lane_of
from penstock.warehousing.reading import RoutedReader, Step
from penstock.warehousing.reporting import Reporter
from penstock.warehousing.selection import excluded_sources
from penstock.warehousing.tap import lines_of

logger = structlog.get_logger(__name__)
T = TypeVar("T")

DeletedNow = Callable[[], Deleted | None]
"""Who was deleted in the warehouse's workspace, as of this moment: a deletion may be newer than a sync's snapshots."""


class Totals(msgspec.Struct):
    """What was loaded since the start."""

    rows: int = 0
    events: int = 0
    syncs: int = 0


class WarehouseSync:
    """All shards of one warehouse."""

    def __init__(
        self, log: Log, target: Target, clock: Clock, tap: Tap = CLOSED, deleted: DeletedNow = lambda: None
    ) -> None:
        self._deleted = deleted
        self._tap = tap
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
                for lane in (shard, lane_of(shard)):
                    await self._reporter(lane).report(0)

    async def sync(self, snapshots: Snapshots, ends: Mapping[int, StreamState]) -> None:
        """Load each shard up to its end. Raises WarehouseError, LogError; what was loaded until then stays."""
        async with self._busy:
            for shard, end in ends.items():
                if self._is_ending:
                    return
                for lane in self._unreported & {shard, lane_of(shard)}:
                    await self._report(lane, 0)
                begun = await self._sync_shard(shard, end, snapshots)
                await self._catch_up(shard, begun, snapshots)
            self.error = ""

    async def forget(self, forget: Forget, *, is_last: bool) -> dict[str, int]:
        """Delete people or objects, between loads. Answers rows by table. Raises WarehouseError."""
        async with self._busy:
            return await self.target.forget(forget, is_last=is_last)

    async def look(self, look: Callable[[Warehouse], T], nothing: T) -> T:
        """The same of what changes nothing; `nothing` where there is no target yet."""
        async with self._busy:
            return await self.target.look(look, nothing)

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

    async def _sync_shard(self, shard: int, end: StreamState, snapshots: Snapshots) -> int:
        """Answers where it began."""
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
        self.positions[shard] = begun = position
        if position >= end.last:
            return begun
        warehouse = self._configured(snapshots)
        excluded = excluded_sources(warehouse)
        deleted = self._deleted()
        reader = RoutedReader(self._log, shard, warehouse, snapshots.sources, self._tap, deleted=deleted)
        while position < end.last and not self._is_ending:
            self.target.sources.exclude(shard, position, excluded)
            position = await self._step(shard, reader, position, end.last, warehouse)
        return begun

    async def _step(
        self, shard: int, reader: RoutedReader, after: int, until: int, warehouse: WarehouseSnapshot
    ) -> int:
        started_at = self._clock.now_ms()
        step = await reader.step(after, until)
        report = await self.target.load(shard, after, step, started_at)
        if report is None:
            return await self.target.position(shard)
        self.positions[shard] = step.to
        await self._loaded(warehouse, step, report, shard, step.to)
        return step.to

    async def _catch_up(self, shard: int, until: int, snapshots: Snapshots) -> None:
        """Bring the sources that are not excluded any more to where the warehouse began this sync, with them.

        What this sync has told of objects is told again behind that, so that all stands in its order.
        """
        warehouse = self._configured(snapshots)
        lagging = self.target.sources.of(shard)
        for source_id in lagging.keys() & excluded_sources(warehouse):
            del lagging[source_id]
        # One that was deleted meanwhile brings nothing any more.
        met = {key for key, sequence in lagging.items() if sequence >= until or key not in snapshots.sources}
        self.target.sources.move(shard, dict.fromkeys(met))
        after = min((sequence for key, sequence in lagging.items() if key not in met), default=until)
        reader = RoutedReader(
            self._log,
            shard,
            warehouse,
            snapshots.sources,
            self._tap,
            only=frozenset(lagging.keys() - met),
            deleted=self._deleted(),
            events_until=until,
        )
        until = max(until, self.positions[shard]) if after < until else until
        while after < until and not self._is_ending:
            started_at = self._clock.now_ms()
            step = await reader.step(after, until)
            after = step.to
            reached = {
                key: step.to if step.to < until else None
                for key, sequence in self.target.sources.of(shard).items()
                if key in lagging and sequence < step.to
            }
            report = await self.target.load_missed(shard, step, reached, started_at)
            if report is None:
                return
            await self._loaded(warehouse, step, report, lane_of(shard), 0)

    def _configured(self, snapshots: Snapshots) -> WarehouseSnapshot:
        return snapshots.warehouses.get(self.target.snapshot.id, self.target.snapshot)

    async def _loaded(self, warehouse: WarehouseSnapshot, step: Step, report: LoadReport, lane: int, to: int) -> None:
        if step.loaded:
            self._tap.offer(lines_of(warehouse, step.loaded, self._clock.now_ms()))
        self.totals.rows += report.rows
        self.totals.events += report.events
        if report.records:
            self.totals.syncs += 1
            logger.info("Warehouse loaded.", warehouse=warehouse.id, rows=report.rows, to=step.to)
            await self._report(lane, to)

    async def _report(self, lane: int, to: int) -> None:
        self._unreported.add(lane)
        await self._reporter(lane).report(to)
        self._unreported.discard(lane)

    def _reporter(self, lane: int) -> Reporter:
        """Of a shard, or of the lane of what sources have missed of it."""
        if lane not in self._reporters:
            shard = lane if lane >= 0 else lane_of(lane)
            self._reporters[lane] = Reporter(self._log, self.target, lane, streams.routed(shard))
        return self._reporters[lane]

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
