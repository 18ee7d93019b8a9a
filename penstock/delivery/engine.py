"""The delivery of one shard, put together: it remembers through the last `settled`, serves, and settles."""

import asyncio
import secrets
from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import Any, Protocol

import msgspec
import structlog

from penstock.delivery.attempt import Attempter
from penstock.delivery.reading.behind import BehindReaders
from penstock.delivery.reading.expiry import Expiry
from penstock.delivery.reading.forgotten import Forgotten
from penstock.delivery.reading.frames import FrameCache
from penstock.delivery.reading.ladder import Directory, Ladder
from penstock.delivery.reading.memory import Memory
from penstock.delivery.reading.shared import CommonReader, Intake
from penstock.delivery.scheduler import Scheduler
from penstock.delivery.served import Budget, Served, since
from penstock.delivery.settling.ledger import Ledger
from penstock.delivery.settling.settle import Settler, Standing
from penstock.delivery.tap import DeliveryTap
from penstock.infra.log import Log
from penstock.kit.clock import Clock
from penstock.kit.settings import Settings
from penstock.spec.delivery import Behind, DeliveryRef, Member, OpenEvent, OpenRetry, RetryRow, SettledHead
from penstock.spec.outcome import DestinationReason
from penstock.spec.snapshot import DeletionSnapshot, DestinationSnapshot, SnapshotKind, SuppressionSnapshot
from penstock.spec.tail import CLOSED, Tap

logger = structlog.get_logger(__name__)


class DestinationView(Protocol):
    """What delivery reads of the snapshots."""

    @property
    def destinations(self) -> Mapping[str, DestinationSnapshot]: ...

    def deletions_of(self, workspace_id: str, /) -> tuple[DeletionSnapshot, ...]: ...

    def suppressions_of(self, workspace_id: str, /) -> tuple[SuppressionSnapshot, ...]: ...

    def subscribe(self, changed: Callable[[SnapshotKind, str], None], /) -> Callable[[], None]:
        """Call after every change; returns what ends that."""
        ...


class Opener(Protocol):
    """Opens sealed settings."""

    def open(self, sealed: bytes, /) -> bytes: ...


class Needed(msgspec.Struct, frozen=True):
    """The lowest sequences that delivery would still read after a kill: retention keeps them."""

    routed: int
    retries: list[int]
    """Per rung, in DELIVERY."""


class DeliveryEngine:
    """One per shard. `run` returns after `stop`, or raises what ended it (ShardTaken)."""

    def __init__(
        self,
        settings: Settings,
        log: Log,
        view: DestinationView,
        clock: Clock,
        attempter: Attempter,
        sealer: Opener,
        shard: int = 0,
        tap: Tap = CLOSED,
    ) -> None:
        self._settings = settings
        self._log = log
        self._view = view
        self._clock = clock
        self._sealer = sealer
        self._shard = shard
        self._budget = Budget(settings)
        self._directory = Directory()
        self.by_source: Mapping[str, list[Served]] = {}
        self._leaving: list[Served] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._group = asyncio.TaskGroup()
        self._stopping = asyncio.Event()
        self._needed = Needed(routed=0, retries=[])
        self._is_ready = asyncio.Event()
        self._is_resync_due = False
        self._is_over = False
        self._unsubscribe: Callable[[], None] = _nothing
        frames = FrameCache()
        told = DeliveryTap(tap, lambda: view.destinations)
        forgotten = Forgotten(view.deletions_of, view.suppressions_of, sealer.open)
        self._ledger = Ledger(settings, clock, self._note_ending, told, forgotten.covers_retry)
        self._scheduler = Scheduler(settings, clock, attempter, self._ledger, self._spawn)
        self._expiry = Expiry(settings, log, shard, clock)
        self._intake = Intake(self._ledger, self._scheduler, self._expiry, forgotten)
        self._common = CommonReader(log, shard, self, self._intake, self._ledger, frames)
        self._behind = BehindReaders(
            settings, log, shard, clock, self._intake, self._ledger, self._common, frames, self._expiry
        )
        self._ladder = Ladder(settings, log, shard, clock, self._ledger, self._scheduler, self._directory, forgotten)
        self._settler = Settler(
            settings, log, shard, clock, secrets.token_hex(8), self._ledger, self._standing, self._on_stored
        )
        self._memory = Memory(log, shard, self._intake, self._ladder, self._ledger, self._directory)

    async def run(self) -> None:
        """Serve until `stop`. A cancellation leaves everything as a kill would."""
        try:
            async with self._group:
                await self._serve()
        except ExceptionGroup as group:
            raise group.exceptions[0] from group
        finally:
            self._is_over = True
            self._unsubscribe()

    async def stop(self) -> None:
        """Start nothing more, let what is in flight end (`drain_seconds` at most), settle, and end `run`."""
        self._stopping.set()

    async def wait_ready(self) -> None:
        """Until what the last settling left open has been taken up again."""
        await self._is_ready.wait()

    async def again(self, rows: Sequence[tuple[DeliveryRef, RetryRow, bytes]]) -> None:
        """Try deliveries again that had ended: they stand on the first rung, durably, when this returns."""
        await self._is_ready.wait()
        for ref, row, body in rows:
            self._ledger.endings.retry(0, ref, row, body)
        await self._settler.settle()

    def positions(self) -> Needed:
        """What retention must keep, as of the last settling that is stored."""
        return self._needed

    def status(self) -> dict[str, Any]:
        """Gauges for the role's status report."""
        served = self._directory.by_id.values()
        return {
            "position": self._common.place[0] - 1,
            "destinations": len(self._directory.by_id),
            "behind": sum(one.is_behind for one in served),
            "open_circuits": [one.id for one in served if one.circuit.is_open],
            "window": self._budget.deliveries,
            "window_bytes": self._budget.bytes,
            "in_flight": self._scheduler.in_flight,
            "frames_lost": self._common.frames_lost + self._behind.frames_lost,
            "outcomes": dict(self._ledger.totals),
        }

    async def _serve(self) -> None:
        remembered = await self._memory.read()
        self._common.place = remembered.place
        await self._expiry.look()
        self._expiry.alarm("delivery", remembered.place[0])
        self._ladder.restore(remembered.settled.rungs)
        self._settler.restore(remembered.sequence, remembered.members)
        self._needed = self._needed_for(remembered.settled)
        self._sync(
            {member.destination_id: member.since for member in remembered.members},
            {behind.destination_id: (behind.sequence, behind.index) for behind in remembered.settled.behind},
        )
        await self._memory.take_up(remembered.settled)
        self._unsubscribe = self._view.subscribe(self._on_change)
        self._resync()
        self._is_ready.set()
        for part in (
            self._common.run(),
            self._ladder.run(),
            self._settler.run(),
            self._settler.run_idle(self._moved),
            self._expiry.run(self._directory.by_id.values),
        ):
            self._spawn(part)
        await self._stopping.wait()
        await self._end()

    async def _end(self) -> None:
        try:
            async with asyncio.timeout(self._settings.drain_seconds):
                await self._scheduler.stop()
        except TimeoutError:
            logger.warning("Attempts were still in flight at the end.", count=self._scheduler.in_flight)
        try:
            async with asyncio.timeout(self._settings.drain_seconds):
                await self._settler.settle()
        except TimeoutError:
            logger.warning("The last settling could not be written; its requests may be repeated.")
        self._is_over = True
        for task in self._tasks:
            task.cancel()

    def _spawn(self, part: Coroutine[Any, Any, None]) -> None:
        if self._is_over:
            part.close()
            return
        try:
            task = self._group.create_task(part)
        except RuntimeError:  # the group is ending, because a part of it failed or was cancelled
            part.close()
            return
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _on_change(self, kind: SnapshotKind, _: str) -> None:
        if kind is SnapshotKind.DESTINATION and not self._is_resync_due:
            self._is_resync_due = True
            asyncio.get_running_loop().call_soon(self._resync)

    def _resync(self) -> None:
        self._is_resync_due = False
        if not self._is_over:
            self._sync({}, {})

    def _note_ending(self) -> None:
        self._settler.note_ending()

    def _sync(self, members: Mapping[str, int], behind: Mapping[str, tuple[int, int]]) -> None:
        """Serve who is to be served. `members` and `behind` are what the last settling knew, at the start."""
        destinations = self._view.destinations
        for identifier, known in list(self._directory.by_id.items()):
            snapshot = destinations.get(identifier)
            if snapshot is None or not snapshot.enabled or since(snapshot) != known.since:
                self._leave(known, is_deleted=snapshot is None)
        self._directory.disabled = {one.id for one in destinations.values() if not one.enabled}
        for snapshot in destinations.values():
            if not snapshot.enabled:
                continue
            if (found := self._directory.by_id.get(snapshot.id)) is not None:
                self._update(found, snapshot)
            else:
                is_known = members.get(snapshot.id) == since(snapshot)
                self._join(snapshot, behind.get(snapshot.id, self._common.place) if is_known else None)
        by_source: dict[str, list[Served]] = {}
        for one in self._directory.by_id.values():
            by_source.setdefault(one.snapshot.source_id, []).append(one)
        self.by_source = by_source
        self._leaving = [one for one in self._leaving if one.occupied]

    def _join(self, snapshot: DestinationSnapshot, place: tuple[int, int] | None) -> None:
        served = Served(snapshot, self._settings, self._clock, self._budget, self._sealer.open)
        served.opened = self._opened(snapshot)
        served.on_behind = lambda one: self._spawn(self._behind.catch_up(one))
        self._directory.by_id[snapshot.id] = served
        if place is None:
            self._spawn(self._behind.find_start(served))
            return
        served.is_placed = True
        served.place = place
        if place < self._common.place:
            served.fall_behind(place)

    def _update(self, served: Served, snapshot: DestinationSnapshot) -> None:
        if snapshot is served.snapshot:
            return
        if snapshot.sealed_settings != served.snapshot.sealed_settings or served.opened is None:
            served.opened = self._opened(snapshot)
        served.update(snapshot)
        self._scheduler.wake(served)

    def _leave(self, served: Served, *, is_deleted: bool) -> None:
        served.is_leaving = True
        del self._directory.by_id[served.id]
        self._leaving.append(served)
        reason = DestinationReason.DESTINATION_DELETED if is_deleted else DestinationReason.DESTINATION_DISABLED
        self._scheduler.discard_waiting(served, reason)
        served.room.set()
        self._settler.note_ending()

    def _opened(self, snapshot: DestinationSnapshot) -> bytes | None:
        if not snapshot.sealed_settings:
            return b"{}"
        try:
            return self._sealer.open(snapshot.sealed_settings)
        except Exception:  # whatever is wrong with them, the other destinations go on
            logger.exception("Settings cannot be opened.", destination=snapshot.id)
            return None

    def _standing(self) -> Standing:
        open_events: list[OpenEvent] = []
        open_retries: list[OpenRetry] = []
        behind: list[Behind] = []
        served = [*self._directory.by_id.values(), *self._leaving]
        for one in served:
            untouched = [] if one.is_leaving else one.untouched()
            if untouched:
                behind.append(Behind(one.id, *untouched[-1].place))
            elif one.is_behind and one.is_placed and not one.is_leaving:
                behind.append(Behind(one.id, *one.place))
            for place, work in list(one.taken.items())[: len(one.taken) - len(untouched)]:
                open_events.append(OpenEvent(one.id, *place, list(work.open), work.is_matched))
            open_retries.extend(one.retries)
        settled = SettledHead(
            owner="",
            number=0,
            sequence=self._common.place[0],
            index=self._common.place[1],
            behind=behind,
            rungs=list(self._ladder.positions),
            open=open_events,
            open_retries=sorted(open_retries),
            outcomes=[],
        )
        members = [Member(one.id, one.since) for one in self._directory.by_id.values() if one.is_placed]
        return Standing(settled, members)

    def _on_stored(self, standing: Standing, rungs: set[int]) -> None:
        self._needed = self._needed_for(standing.settled)
        self._ladder.wake(rungs)

    def _needed_for(self, settled: SettledHead) -> Needed:
        sequences = [settled.sequence]
        sequences += [behind.sequence for behind in settled.behind]
        sequences += [one.sequence for one in settled.open]
        lowest = min((sequence for sequence, _ in settled.open_retries), default=0)
        retries = [min(position + 1, lowest or position + 1) for position in settled.rungs]
        return Needed(min(sequences), retries)

    def _moved(self) -> object:
        return self._common.place


def _nothing() -> None:
    """Nothing is subscribed yet."""
