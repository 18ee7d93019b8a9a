"""Destinations that are behind read ROUTED on their own, so many at once, until each meets the common place.

Invariants:
- Rows are taken in order from the destination's own place; at a stop the place is the first row not taken.
- A destination has one reader: it counts as behind until its reader returns, in the very step in which they met.
- When the place went back (its circuit opened and it gave events back), what was read ahead is dropped.
- What is read ahead is held only while the destination has its turn: `behind_readers` times 4 MiB at most.
"""

import asyncio
from collections import deque
from typing import Any

import structlog

from penstock.delivery.reading.expiry import Expiry
from penstock.delivery.reading.frames import FrameCache, RoutedFrame
from penstock.delivery.reading.shared import YIELD_ROWS, CommonReader, Intake
from penstock.delivery.served import Served
from penstock.delivery.settling.ledger import Ledger
from penstock.infra.log import Log, LogUnavailable
from penstock.kit.backoff import backoff
from penstock.kit.clock import Clock
from penstock.kit.settings import Settings
from penstock.spec.frame import FrameError
from penstock.spec.routed import stream_name

logger = structlog.get_logger(__name__)

_AHEAD_BYTES = 4 << 20
_AHEAD_MESSAGES = 16
_TURN_SECONDS = 1.0
"""How long one destination reads while others wait for their turn."""
_SHARED_ROOM_SECONDS = 0.05
SKEW_MS = 5_000
"""How far the log engine's clock and ours may differ: a start is looked for so much earlier, and then filtered."""


class BehindReaders:
    """Of one shard."""

    def __init__(
        self,
        settings: Settings,
        log: Log,
        shard: int,
        clock: Clock,
        intake: Intake,
        ledger: Ledger,
        common: CommonReader,
        frames: FrameCache,
        expiry: Expiry,
    ) -> None:
        self._settings = settings
        self._log = log
        self._stream = stream_name(shard)
        self._clock = clock
        self._intake = intake
        self._ledger = ledger
        self._common = common
        self._frames = frames
        self._expiry = expiry
        self._turns = asyncio.Semaphore(settings.behind_readers)
        self._waiting = 0
        self.frames_lost = 0

    async def find_start(self, served: Served) -> None:
        """Set the place of a destination that is new, or was enabled again; from then on it is behind."""
        waits = backoff(0.1, 5.0)
        offset = round(self._settings.clock_offset_hours * 3_600_000)
        while True:
            try:
                sequence = await self._log.sequence_at(self._stream, max(0, served.since - offset - SKEW_MS))
                break
            except LogUnavailable:
                await self._clock.sleep(next(waits))
        served.is_placed = True
        served.fall_behind((sequence, 0))

    async def catch_up(self, served: Served) -> None:
        """Until the destination has met the common place, or is no longer served."""
        waits = backoff(0.1, 5.0)
        while not served.is_leaving and not self._has_met(served):
            await self._wait_for_room(served)
            self._waiting += 1
            try:
                await self._turns.acquire()
            finally:
                self._waiting -= 1
            try:
                await self._turn(served)
            except LogUnavailable:
                await self._clock.sleep(next(waits))
            finally:
                self._turns.release()
        served.is_behind = False

    def _has_met(self, served: Served) -> bool:
        return served.place >= self._common.place

    async def _turn(self, served: Served) -> None:
        """Read on; the turn ends with the way, with the circuit, or after a while if others wait for theirs."""
        until = self._clock.monotonic() + _TURN_SECONDS
        ahead: deque[RoutedFrame] = deque()
        rewinds = served.rewinds
        while not served.is_leaving and not self._has_met(served):
            if rewinds != served.rewinds:
                ahead.clear()
                rewinds = served.rewinds
            if not ahead:
                ahead.extend(await self._following(served))
                continue
            if await self._take_frame(served, ahead[0]):
                ahead.popleft()
                continue
            is_over = self._waiting > 0 and self._clock.monotonic() >= until
            if served.circuit.is_open or is_over:
                return
            await self._wait_for_room(served, limit=_TURN_SECONDS)

    async def _following(self, served: Served) -> list[RoutedFrame]:
        """The next frames; none where the place went back meanwhile."""
        sequence, rewinds = served.place[0], served.rewinds
        if (known := self._frames.get(sequence)) is not None:
            return [known]
        messages = await self._log.get_batch(
            self._stream, sequence, max_messages=_AHEAD_MESSAGES, max_bytes=_AHEAD_BYTES
        )
        if rewinds != served.rewinds:
            return []
        following = messages[0].sequence if messages else self._common.place[0]
        if following > sequence:
            self._jump(served, following)
        frames = []
        for message in messages:
            try:
                frames.append(RoutedFrame(message))
            except FrameError as error:
                # The common reader has raised the alarm.
                logger.debug("A routed frame cannot be read.", sequence=message.sequence, reason=str(error))
        if messages and not frames:
            served.place = (messages[-1].sequence + 1, 0)
        return frames

    def _jump(self, served: Served, sequence: int) -> None:
        lost = sequence - served.place[0]
        self.frames_lost += lost
        logger.error(
            "Frames were purged before they were delivered.", destination=served.id, first=served.place[0], count=lost
        )
        served.place = (sequence, 0)

    async def _take_frame(self, served: Served, frame: RoutedFrame) -> bool:
        """Offer the frame's rows from the place on; False where that stopped before its end."""
        if frame.sequence < served.place[0]:
            return True
        rewinds = served.rewinds
        first = served.place[1] if frame.sequence == served.place[0] else 0
        if served.snapshot.source_id in frame.source_ids:
            for index in range(first, len(frame.head.rows)):
                row = frame.head.rows[index]
                is_ours = frame.head.sources[row.source].source_id == served.snapshot.source_id
                if not is_ours or not served.reads(row.fate):
                    continue
                served.place = (frame.sequence, index)
                if served.is_leaving or self._has_met(served) or not self._intake.may_take(served, frame):
                    return False
                self._intake.take(served, frame.event(index), frame)
                if index % YIELD_ROWS == YIELD_ROWS - 1:
                    await self._ledger.wait_for_room()
                    await asyncio.sleep(0)
                    if rewinds != served.rewinds:
                        return False
        served.place = (frame.sequence + 1, 0)
        return True

    async def _wait_for_room(self, served: Served, limit: float | None = None) -> None:
        """Until reading on pays, or the destination leaves, or has lagged too long, or `limit` seconds have passed."""
        while not served.has_reading_room() and not served.is_leaving and served.place[0] >= self._expiry.below:
            served.room.clear()
            seconds = self._seconds_to_look(served, limit)
            waiting: set[asyncio.Future[Any]] = {asyncio.ensure_future(served.room.wait())}
            if seconds is not None:
                waiting.add(asyncio.ensure_future(self._clock.sleep(seconds)))
            try:
                await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for task in waiting:
                    task.cancel()
            if limit is not None:
                return

    def _seconds_to_look(self, served: Served, limit: float | None) -> float | None:
        if (seconds := served.circuit.seconds_to_probe()) > 0:
            return seconds
        if served.is_over_share():
            return _SHARED_ROOM_SECONDS  # others hold all the room there is, and theirs gets free without a word
        return limit
