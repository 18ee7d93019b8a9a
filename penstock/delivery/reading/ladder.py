"""The retry ladder: one subject per rung, read in order from a position, each frame taken whole when it is due.

Delivery is the only writer of these subjects, so a rung is looked at after a settling that wrote to it, and needs no
consumer. Invariant: the rows of a frame are all taken in the synchronous step that moves the rung's position.
"""

import asyncio

import structlog

from penstock.delivery.reading.forgotten import Forgotten
from penstock.delivery.reading.frames import person_of
from penstock.delivery.scheduler import Scheduler
from penstock.delivery.served import Delivery, Served, Work
from penstock.delivery.settling.ledger import Ledger
from penstock.infra.log import Log, LogUnavailable, Message
from penstock.kit.backoff import backoff
from penstock.kit.clock import Clock
from penstock.kit.settings import Settings
from penstock.spec.delivery import RetryHead, retry_decoder, retry_subject, stream_name
from penstock.spec.frame import FrameError
from penstock.spec.outcome import DestinationReason

logger = structlog.get_logger(__name__)

_AHEAD_MESSAGES = 4
_AHEAD_BYTES = 1 << 20
_SET_BACK_MS = 60_000
"""A frame that was written so far in the future was written before the clock was set back: it is due at once."""


class Directory:
    """Who is served, and why somebody is not. The engine fills it."""

    def __init__(self) -> None:
        self.by_id: dict[str, Served] = {}
        self.disabled: set[str] = set()
        """Destinations that exist and are switched off."""

    def reason_of_absence(self, destination_id: str) -> DestinationReason:
        if destination_id in self.disabled:
            return DestinationReason.DESTINATION_DISABLED
        return DestinationReason.DESTINATION_DELETED


class Ladder:
    """All rungs of one shard."""

    def __init__(
        self,
        settings: Settings,
        log: Log,
        shard: int,
        clock: Clock,
        ledger: Ledger,
        scheduler: Scheduler,
        directory: Directory,
        forgotten: Forgotten,
    ) -> None:
        self._forgotten = forgotten
        self._settings = settings
        self._log = log
        self._shard = shard
        self._clock = clock
        self._ledger = ledger
        self._scheduler = scheduler
        self._directory = directory
        self.positions: list[int] = [0] * len(settings.retry_seconds)
        self._written: list[asyncio.Event] = []

    def restore(self, positions: list[int]) -> None:
        """Go on where the last settling stood; rungs that the settings no longer have are read to their end."""
        missing = max(0, len(self._settings.retry_seconds) - len(positions))
        self.positions = [*positions, *[0] * missing]

    def wake(self, rungs: set[int]) -> None:
        """A settling has written to these rungs."""
        for rung in rungs:
            self._written[rung].set()

    async def run(self) -> None:
        self._written = [asyncio.Event() for _ in self.positions]
        async with asyncio.TaskGroup() as group:
            for rung in range(len(self.positions)):
                group.create_task(self._climb(rung))

    async def _climb(self, rung: int) -> None:
        due = 0.0
        while True:
            self._written[rung].clear()
            messages = await self._following(rung)
            if not messages:
                await self._written[rung].wait()
            for message in messages:
                due = await self._take(rung, message, due)

    async def _following(self, rung: int) -> list[Message]:
        waits = backoff(0.1, 5.0)
        while True:
            try:
                return await self._log.get_batch(
                    stream_name(self._shard),
                    self.positions[rung] + 1,
                    subject=retry_subject(self._shard, rung),
                    max_messages=_AHEAD_MESSAGES,
                    max_bytes=_AHEAD_BYTES,
                )
            except LogUnavailable:
                await self._clock.sleep(next(waits))

    async def _take(self, rung: int, message: Message, earliest: float) -> float:
        """Take one frame when it is due; returns when that was, in milliseconds."""
        try:
            head, body = retry_decoder.frame(message.payload)
        except FrameError as error:
            logger.error("A retry frame cannot be read.", sequence=message.sequence, reason=str(error))  # noqa: TRY400
            self.positions[rung] = message.sequence
            return earliest
        due = max(earliest, head.written_at + self._wait(rung) * head.factor * 1000)
        while (missing := due - self._clock.now_ms()) > 0 and head.written_at - self._clock.now_ms() <= _SET_BACK_MS:
            await self._clock.sleep(missing / 1000)
        await self._ledger.wait_for_room()
        for index in range(len(head.rows)):
            self.offer(rung, message.sequence, head, body, index, is_resumed=False)
        self.positions[rung] = message.sequence
        return min(due, self._clock.now_ms())

    def _wait(self, rung: int) -> float:
        return self._settings.retry_seconds[min(rung, len(self._settings.retry_seconds) - 1)]

    def offer(
        self, rung: int, sequence: int, head: RetryHead, body: memoryview, index: int, *, is_resumed: bool
    ) -> None:
        """Take one retry: into its destination's window, or to its end, or to the one-minute rung."""
        row = head.rows[index]
        ref = head.refs[row.ref]
        event = bytes(body[row.offset : row.offset + row.length])
        served = self._directory.by_id.get(ref.destination_id)
        if served is None:
            self._ledger.discard_row(ref, row, event, self._directory.reason_of_absence(ref.destination_id))
        elif (reason := self._forgotten.ends_retry(ref, event)) is not None:
            self._ledger.discard_row(ref, row, event, reason)
        elif self._ledger.is_over(row):
            self._ledger.fail_row(ref, row, event)
        elif not is_resumed and not served.has_room():
            self._ledger.defer_row(ref, row, event)
        else:
            came = person_of(event)
            work = Work((sequence, index), rung, len(event), has_started=True)
            delivery = Delivery(
                served,
                work,
                ref.subscription_id,
                ref.workspace_id,
                ref.source_id,
                row.event_type,
                row.event_name,
                row.message_id,
                event,
                row.attempt,
                row.first_attempt_at,
                row.reason,
                row.response,
                app_version=came.app_version,
                received_at=came.received_at if row.first_attempt_at else 0,
            )
            served.admit(work, delivery)
            self._scheduler.wake(served)
