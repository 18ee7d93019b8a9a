"""Settling: what has ended, and from where everybody goes on, in one atomic batch; the last one is all the memory.

Invariants:
- The batch is built in one synchronous step, so positions, open deliveries and counts belong to the same moment.
- At most one batch is under way. One whose fate is not known is looked up and sent again until it is stored; nothing
  else is written before. If the last `settled` is not ours, another engine owns the shard and this one ends.

Errors:
    DeliveryError
    └── ShardTaken    another engine has written `settled`
"""

import asyncio
import random
from collections.abc import Callable, Iterator

import msgspec
import structlog

from penstock.delivery.settling.endings import Endings, RetryRows, Rows, weight_of
from penstock.delivery.settling.ledger import Ledger
from penstock.infra.faults import fault_point
from penstock.infra.log import Log, LogFull, LogUnavailable, SequenceMismatch
from penstock.kit.backoff import backoff
from penstock.kit.clock import Clock
from penstock.kit.settings import Settings
from penstock.spec.delivery import (
    Member,
    MembersHead,
    QuarantineHead,
    QuarantineRow,
    RetryHead,
    RetryRow,
    SettledHead,
    encode_members,
    encode_quarantine,
    encode_retry,
    encode_settled,
    members_subject,
    quarantine_subject,
    retry_subject,
    settled_decoder,
    settled_subject,
    stream_name,
)
from penstock.spec.event import EVENT_TYPES

logger = structlog.get_logger(__name__)

FRAME_BYTES = 4 << 20
_BATCH_MESSAGES = 900
_BATCH_BYTES = 16 << 20
_IDLE_FACTOR = 10
"""Where positions moved and nothing ended, a settling may wait this much longer."""

Messages = list[tuple[str, bytes]]


class DeliveryError(Exception):
    """Base of what delivery raises."""


class ShardTaken(DeliveryError):  # noqa: N818 - the consequence is in the name
    """Another engine owns the shard."""


class Standing(msgspec.Struct, frozen=True):
    """Where everybody stands at one moment: a `settled` without its counts, and the members."""

    settled: SettledHead
    members: list[Member]


class Settler:
    """Writes `settled` for one incarnation of one shard's delivery."""

    def __init__(
        self,
        settings: Settings,
        log: Log,
        shard: int,
        clock: Clock,
        owner: str,
        ledger: Ledger,
        standing: Callable[[], Standing],
        on_stored: Callable[[Standing, set[int]], None],
    ) -> None:
        self._settings = settings
        self._log = log
        self._shard = shard
        self._clock = clock
        self._owner = owner
        self._ledger = ledger
        self._standing = standing
        self._on_stored = on_stored
        self._random = random.Random()  # noqa: S311 - spreads load, guards nothing
        self._last = 0
        self._members: list[Member] = []
        self._number = 0
        self._wanted = asyncio.Event()
        self._urgent = asyncio.Event()
        self._is_busy = asyncio.Lock()

    def restore(self, last: int, members: list[Member]) -> None:
        """Go on after the `settled` at sequence `last`."""
        self._last, self._members = last, members

    def note_ending(self) -> None:
        """Something ended."""
        self._wanted.set()
        endings = self._ledger.endings
        if endings.number >= self._settings.settle_endings or endings.is_full():
            self._urgent.set()

    async def run(self) -> None:
        """Settle as long as there is something to settle. Raises ShardTaken."""
        while True:
            await self._wanted.wait()
            await self._wait(self._settings.settle_seconds)
            self._wanted.clear()
            self._urgent.clear()
            await self.settle()

    async def run_idle(self, moved: Callable[[], object]) -> None:
        """Settle positions that moved without an ending, seldom. `moved` tells a value that changes with them."""
        seen = moved()
        while True:
            await self._clock.sleep(max(1.0, self._settings.settle_seconds * _IDLE_FACTOR))
            if (now := moved()) != seen:
                seen = now
                self._wanted.set()

    async def _wait(self, seconds: float) -> None:
        waiting = {asyncio.ensure_future(self._urgent.wait()), asyncio.ensure_future(self._clock.sleep(seconds))}
        try:
            await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in waiting:
                task.cancel()

    async def settle(self) -> None:
        """Write everything that has ended until now, and where everybody stands."""
        async with self._is_busy:
            endings, standing = self._ledger.take(), self._standing()
            self._number += 1
            settled = msgspec.structs.replace(
                standing.settled,
                owner=self._owner,
                number=self._number,
                written_at=self._clock.now_ms(),
                outcomes=endings.counted(EVENT_TYPES),
                latencies=endings.measured(),
            )
            messages = [*self._retries(endings), *self._quarantine(endings)]
            if standing.members != self._members:
                messages.append((members_subject(self._shard), encode_members(MembersHead(standing.members))))
            messages.append((settled_subject(self._shard), encode_settled(settled)))
            for early in _early(messages):
                await self._append(early)
            await self._append_fenced(_fitting(messages))
            fault_point("delivery.batch_stored")
            self._members = standing.members
            self._on_stored(msgspec.structs.replace(standing, settled=settled), set(endings.retries))

    async def _append(self, messages: Messages) -> None:
        """Quarantine that does not fit into the batch goes before it: after a kill it may stand there twice."""
        waits = backoff(0.05, 1.0)
        while True:
            try:
                await self._log.append_batch(messages)
            except (LogUnavailable, LogFull) as error:
                logger.warning("Quarantine could not be written.", reason=str(error))
                await self._clock.sleep(next(waits))
            else:
                return

    async def _append_fenced(self, messages: Messages) -> None:
        waits = backoff(0.05, 1.0)
        subject = settled_subject(self._shard)
        while True:
            try:
                self._last = await self._log.append_batch(messages, expected_last={subject: self._last})
            except SequenceMismatch:
                is_stored = await self._is_stored()
            except (LogUnavailable, LogFull) as error:
                logger.warning("A settling has no answer.", number=self._number, reason=str(error))
                await self._clock.sleep(next(waits))
                is_stored = await self._is_stored()
            else:
                is_stored = True
            if is_stored:
                return

    async def _is_stored(self) -> bool:
        """Whether the batch is there after all. Raises ShardTaken where another one is."""
        waits = backoff(0.05, 1.0)
        while True:
            try:
                await self._log.wait_connected()
                found = await self._log.last(stream_name(self._shard), settled_subject(self._shard))
                break
            except LogUnavailable:
                await self._clock.sleep(next(waits))
        sequence = found.sequence if found else 0
        if sequence == self._last or found is None:
            return False
        head = settled_decoder.head(found.payload)
        if head.owner == self._owner and head.number == self._number:
            self._last = sequence
            return True
        raise ShardTaken(f"shard {self._shard} was settled by {head.owner}")

    def _retries(self, endings: Endings) -> Iterator[tuple[str, bytes]]:
        spread = self._settings.retry_jitter
        for rung, rows in sorted(endings.retries.items()):
            for first, last in _cuts([weight_of(row) for row in rows.rows]):
                head = RetryHead(
                    rung=rung,
                    written_at=self._clock.now_ms(),
                    factor=self._random.uniform(1 - spread, 1 + spread),
                    refs=list(rows.refs),
                    rows=_moved(rows, first, last),
                )
                yield retry_subject(self._shard, rung), encode_retry(head, rows.bodies[first:last])

    def _quarantine(self, endings: Endings) -> Iterator[tuple[str, bytes]]:
        for holder, rows in sorted(endings.quarantine.items()):
            for first, last in _cuts([weight_of(row) for row in rows.quarantined]):
                head = QuarantineHead(
                    workspace_id=rows.ref.workspace_id,
                    source_id=rows.ref.source_id,
                    destination_id=rows.ref.destination_id,
                    written_at=self._clock.now_ms(),
                    rows=_moved_quarantine(rows, first, last),
                )
                yield quarantine_subject(self._shard, holder), encode_quarantine(head, rows.bodies[first:last])


def _cuts(weights: list[int]) -> Iterator[tuple[int, int]]:
    """Ranges of rows that fit into one frame, heads and events."""
    first, size = 0, 0
    for index, weight in enumerate(weights):
        if size + weight > FRAME_BYTES and index > first:
            yield first, index
            first, size = index, 0
        size += weight
    if first < len(weights):
        yield first, len(weights)


def _moved(rows: RetryRows, first: int, last: int) -> list[RetryRow]:
    start = rows.rows[first].offset
    if start == 0:
        return rows.rows[first:last]
    return [msgspec.structs.replace(row, offset=row.offset - start) for row in rows.rows[first:last]]


def _moved_quarantine(rows: Rows, first: int, last: int) -> list[QuarantineRow]:
    start = rows.quarantined[first].offset
    if start == 0:
        return rows.quarantined[first:last]
    return [msgspec.structs.replace(row, offset=row.offset - start) for row in rows.quarantined[first:last]]


def _is_early(subject: str) -> bool:
    return ".quarantine." in subject


def _is_too_large(messages: Messages) -> bool:
    return len(messages) > _BATCH_MESSAGES or sum(len(payload) for _, payload in messages) > _BATCH_BYTES


def _early(messages: Messages) -> Iterator[Messages]:
    """Batches of quarantine to be written first, where all together would be more than a batch may hold."""
    if not _is_too_large(messages):
        return
    part: Messages = []
    for message in messages:
        if not _is_early(message[0]):
            continue
        if part and _is_too_large([*part, message]):
            yield part
            part = []
        part.append(message)
    if part:
        yield part


def _fitting(messages: Messages) -> Messages:
    """What remains for the fenced batch."""
    if not _is_too_large(messages):
        return messages
    return [message for message in messages if not _is_early(message[0])]
