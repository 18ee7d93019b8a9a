"""One warehouse: its file open while there is work, its positions, and its loads, one at a time.

The position is what the target says. In memory it may be ahead by frames that had nothing for this warehouse; after a
kill those are read again, which costs a little and changes nothing.
"""

import asyncio
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import msgspec
import structlog

from penstock.catalog.warehouses.port import (
    Load,
    LoadReport,
    Place,
    QueryLimits,
    SyncRecord,
    Warehouse,
    WarehouseError,
    WarehouseLocked,
)
from penstock.infra.faults import fault_point
from penstock.kit.clock import Clock
from penstock.spec.calls import QueryResult
from penstock.spec.snapshot import WarehouseSnapshot
from penstock.warehousing.missed import SourcePositions, lane_of
from penstock.warehousing.reading import Step

logger = structlog.get_logger(__name__)
T = TypeVar("T")
Forget = Callable[[Warehouse], dict[str, int]]
"""Deletes from an open target. Answers rows by table."""

_LOCK_SECONDS = 10.0
_LOCK_WAIT_SECONDS = 0.25
_UNWRITTEN_LIMIT = 1_000
"""Frames without work after which the position is written all the same, so that a restart reads no more than these."""


class Target:
    """The file of one warehouse. All of it runs on one thread of its own; queries have another."""

    def __init__(self, warehouse: WarehouseSnapshot, place: Place, clock: Clock) -> None:
        self.snapshot = warehouse
        self.place = place
        self.error = ""
        self._clock = clock
        self._open: Warehouse | None = None
        self._written: dict[int, int] | None = None
        self._read: dict[int, int] = {}
        self.sources = SourcePositions()
        self._forgotten: set[int] = set()
        """Shards whose log was replaced: what the file says of their position counts no more, until it says it anew."""
        self._last_work = 0.0
        self._queries = 0
        self._opening = asyncio.Lock()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="warehouse")
        self._query_thread = ThreadPoolExecutor(1, thread_name_prefix="warehouse-query")

    @property
    def is_open(self) -> bool:
        return self._open is not None

    @property
    def has_loaded(self) -> bool:
        """Whether the file is known to hold what this warehouse has loaded."""
        return self.is_open or bool(self._written)

    async def position(self, shard: int) -> int:
        """Up to where the shard is loaded. Opens the file once, if there is one. Raises WarehouseError."""
        if self._written is None:
            if self.place.exists():
                await self._opened_in_turn()
            else:
                self._written = {}
        return max((self._written or {}).get(shard, 0), self._read.get(shard, 0))

    async def forget_position(self, shard: int) -> None:
        """The log was replaced: begin anew. What is in the target stays, and its ids keep repetitions out."""
        await self.position(shard)
        self._forgotten.add(shard)
        if self._written is not None:
            self._written[shard] = 0
        self._read[shard] = 0
        self.sources.restart(shard)

    async def load(self, shard: int, after: int, step: Step, started_at: int) -> LoadReport | None:
        """Load a step and the position; a step without work is remembered only. Raises WarehouseError.

        None: the file was changed while it was closed and stands elsewhere now; ask for the position again.
        """
        written = (self._written or {}).get(shard, 0)
        if not step.has_work and step.to - written < _UNWRITTEN_LIMIT:
            self._read[shard] = step.to
            return LoadReport(0, 0, [])
        load = Load(self.snapshot.id, shard, after, step.to, started_at, self._clock.now_ms(), step.batches)
        return await self._load(msgspec.structs.replace(load, source_positions=self.sources.changes(shard)))

    async def load_missed(
        self, shard: int, step: Step, reached: Mapping[str, int | None], started_at: int
    ) -> LoadReport | None:
        """Load a step of what sources have missed, and where they stand then. Raises and answers as `load` does."""
        if not step.has_work and not (None in reached.values() and self.sources.is_written(shard, reached)):
            self.sources.move(shard, reached)
            return LoadReport(0, 0, [])
        lane, now = lane_of(shard), self._clock.now_ms()
        after = (self._written or {}).get(lane, 0)
        load = Load(self.snapshot.id, lane, after, max(after + 1, now), started_at, now, step.batches)
        positions = {(shard, source_id): sequence for source_id, sequence in reached.items()}
        changes = {**self.sources.changes(shard), **positions}
        return await self._load(msgspec.structs.replace(load, source_positions=changes))

    async def _load(self, load: Load) -> LoadReport | None:
        shard, written = load.shard, dict(self._written or {})
        fault_point("warehousing.before_load")
        warehouse = await self._opened_in_turn()
        if (self._written or {}) != written:
            self._read.pop(shard, None)
            return None
        try:
            report = await self._in_thread(warehouse.load, load)
        except WarehouseError:
            # An engine that hit a fatal error (a full disk) answers nothing any more until it is opened anew.
            await self.close()
            raise
        fault_point("warehousing.after_commit")
        self._forgotten.discard(shard)
        if self._written is not None:
            self._written[shard] = load.to
        self._read.pop(shard, None)
        self.sources.commit(load.source_positions)
        return report

    async def records_after(self, shard: int, sequence: int) -> list[SyncRecord]:
        if not self.place.exists():
            return []
        warehouse = await self._opened()
        return await self._in_thread(warehouse.records_after, shard, sequence)

    async def forget(self, forget: Forget, *, is_last: bool) -> dict[str, int]:
        """Delete people or objects. Answers rows by table. Raises WarehouseError."""
        if not self.place.exists():
            return {}
        warehouse = await self._opened_in_turn()
        rows = await self._in_thread(forget, warehouse)
        if is_last:
            await self._rewrite()
        return rows

    async def look(self, look: Callable[[Warehouse], T], nothing: T) -> T:
        """What `look` finds in the target; `nothing` where there is none yet. Raises WarehouseError."""
        if not self.place.exists():
            return nothing
        return await self._in_thread(look, await self._opened_in_turn())

    async def _rewrite(self) -> None:
        """As soon as nobody reads the file, which is closed for it. Raises WarehouseError."""
        deadline = self._clock.monotonic() + _LOCK_SECONDS
        while True:
            async with self._opening:
                if not self._queries:
                    if self._open is not None:
                        await self._in_thread(self._open.close)
                        self._open = None
                    await self._in_thread(self.place.rewrite)
                    return
            if self._clock.monotonic() >= deadline:
                raise WarehouseError("the file is being read; it cannot be written anew")
            await self._clock.sleep(_LOCK_WAIT_SECONDS)

    async def query(self, statement: str, limits: QueryLimits) -> QueryResult:
        """Raises WarehouseError where the file cannot be opened; what is wrong with the statement is in the result."""
        if not self.place.exists():
            return QueryResult([], [], [], False, "nothing has been loaded yet")
        self._queries += 1
        try:
            warehouse = await self._opened()
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(self._query_thread, warehouse.query, statement, limits)
        finally:
            self._queries -= 1
            self._last_work = self._clock.monotonic()

    async def close_if_idle(self, seconds: float) -> None:
        if self._open is not None and self._clock.monotonic() - self._last_work >= seconds:
            await self.close()

    async def close(self) -> None:
        async with self._opening:
            if self._open is not None and not self._queries:
                await self._in_thread(self._open.close)
                self._open = None

    async def end(self) -> None:
        """Close for good: wait for what runs."""
        self._query_thread.shutdown(wait=True)
        self._queries = 0
        await self.close()
        self._thread.shutdown(wait=True)

    async def _opened_in_turn(self) -> Warehouse:
        """Open the file; wait for a while where another process has it."""
        deadline = self._clock.monotonic() + _LOCK_SECONDS
        holder = -1
        while True:
            try:
                return await self._opened()
            except WarehouseLocked as error:
                if error.pid != holder:
                    holder = error.pid
                    logger.warning("The warehouse is open in another process; the sync waits.", pid=holder)
                if self._clock.monotonic() >= deadline:
                    raise
                await self._clock.sleep(_LOCK_WAIT_SECONDS)

    async def _opened(self) -> Warehouse:
        async with self._opening:
            if self._open is None:
                self._open = await self._in_thread(self.place.open)
                # Another process may have changed the file while it was closed.
                before = self._written
                self._written = await self._in_thread(self._open.positions) | dict.fromkeys(self._forgotten, 0)
                found = await self._in_thread(self._open.source_positions)
                self.sources.read(found, is_other=before is not None and before != self._written)
            self._last_work = self._clock.monotonic()
            return self._open

    async def _in_thread(self, work: Callable[..., T], *arguments: Any) -> T:
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, work, *arguments)
        finally:
            self._last_work = self._clock.monotonic()
