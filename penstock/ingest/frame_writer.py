"""Group commit: what arrives while the previous append is in flight becomes one frame, stored before anybody hears 200.

Invariants:
- At most one append per shard is in flight: the fence needs the sequence of the frame before, and the log engine groups
  nothing that we do not group ourselves.
- The frames of an incarnation (`writer`) are numbered from 1 without a gap, each appended with the sequence of the one
  before as expected last of its subject.
- Nobody knows whether an append without an answer is stored. The last message of the subject tells: our number, then it
  is; the one before, then it is sent again with the same number (should the lost one still arrive, the fence refuses
  one of the two). If that cannot be settled in time, the incarnation ends, and its requests are answered 503.
- A request waits at most `WAIT_SECONDS`.
- A frame waits for company as its predecessor had it: for half as many requests, for half as long as that one took to
  store, and `LONGEST_WAIT_FOR_COMPANY` at most. A client that sends one event after another never waits.
"""

import asyncio
import secrets
from collections import deque
from collections.abc import Sequence
from typing import Protocol

import msgspec
import structlog

from penstock.infra.faults import fault_point
from penstock.infra.log import Log, LogError, LogRefused, LogUnavailable, SequenceMismatch
from penstock.ingest.answers import Refusal, unavailable
from penstock.kit.backoff import backoff
from penstock.spec.accepted import AcceptedHead, AcceptedRow, RequestRecord, decoder, encode_accepted
from penstock.spec.frame import FrameError
from penstock.spec.streams import accepted, accepted_subject

logger = structlog.get_logger(__name__)

WAIT_SECONDS = 10.0
APPEND_SECONDS = 2.0
"""Then it is looked up: of a cluster that has lost its leader the answer never comes."""
LONGEST_WAIT_FOR_COMPANY = 0.002
_LARGEST_FRAME = 3 << 20
"""Of weight: what is stored may be twice that, and the log takes messages of up to 8 MiB."""


class Receipt(Protocol):
    """Who is told, once, what became of a submission."""

    def stored(self) -> None:
        """The events are durable."""

    def refused(self, refusal: Refusal) -> None:
        """They are not stored, or nobody can tell."""


class Submission(msgspec.Struct, gc=False):
    """The events of one request that belong to one shard."""

    record: RequestRecord
    events: Sequence[bytes]
    message_ids: Sequence[str]
    made: Sequence[bool]
    size: int
    deadline: float
    receipt: Receipt


class NotStored(Exception):  # noqa: N818 - the consequence is in the name
    """Given up: the frame is not in the log, or nobody can tell."""


class FrameWriter:
    """Writes the frames of one shard. `submit` from any request; `close` when no request waits any more."""

    def __init__(self, log: Log, shard: int, frame_bytes: int, lap: str = "") -> None:
        self._lap = lap
        self._log = log
        self._shard = shard
        self._frame_bytes = min(frame_bytes, _LARGEST_FRAME)
        self._loop = asyncio.get_running_loop()
        self._waiting: deque[Submission] = deque()
        self._arrived = asyncio.Event()
        self._needed = 1
        self._company = 1
        self._company_seconds = 0.0
        self.frames = 0
        self.events = 0
        self.incarnations = 0
        self._begin_incarnation()
        self._task = asyncio.create_task(self._run(), name=f"frame writer {shard}")

    def submit(
        self,
        record: RequestRecord,
        events: Sequence[bytes],
        message_ids: Sequence[str],
        made: Sequence[bool],
        size: int,
        receipt: Receipt,
    ) -> None:
        """Have the events stored; `receipt` is told, with a Refusal (503) where that did not come about in time.

        `size` weighs the request against the limit of a frame.
        """
        waiting = self._waiting
        waiting.append(Submission(record, events, message_ids, made, size, self._loop.time() + WAIT_SECONDS, receipt))
        if len(waiting) >= self._needed:
            self._arrived.set()

    async def close(self) -> None:
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        self._fail(list(self._waiting))

    @property
    def writer(self) -> str:
        return self._writer

    def _begin_incarnation(self) -> None:
        self._writer = secrets.token_hex(8)
        self._number = 0
        self._last = 0
        self.incarnations += 1

    async def _run(self) -> None:
        while True:
            if not self._waiting:
                await self._until_waiting(1)
            if len(self._waiting) < self._company:
                patience = self._loop.call_later(self._company_seconds, self._arrived.set)
                await self._until_waiting(self._company)
                patience.cancel()
            await self._write(self._next_group())

    async def _until_waiting(self, needed: int) -> None:
        self._needed = needed
        self._arrived.clear()
        await self._arrived.wait()

    def _next_group(self) -> list[Submission]:
        group = [self._waiting.popleft()]
        size = group[0].size
        while self._waiting and (size := size + self._waiting[0].size) <= self._frame_bytes:
            group.append(self._waiting.popleft())
        return group

    async def _write(self, group: list[Submission]) -> None:
        try:
            head, events = self._frame_of(group)
            started = self._loop.time()
            await self._store(encode_accepted(head, events), group[0].deadline)
            self._company = len(group) // 2 or 1
            self._company_seconds = min(LONGEST_WAIT_FOR_COMPANY, (self._loop.time() - started) / 2)
        except LogRefused as error:  # certainly not stored: the number is free for the next frame
            logger.error("The log engine refuses a frame.", shard=self._shard, reason=str(error))  # noqa: TRY400
            self._fail(group)
        except NotStored as error:
            logger.error("A frame was given up.", shard=self._shard, writer=self._writer, reason=str(error))  # noqa: TRY400
            self._give_up(group)
        except Exception:
            logger.exception("A frame could not be written.", shard=self._shard, writer=self._writer)
            self._give_up(group)
        else:
            fault_point("edge.before_answer")
            self.frames += 1
            self.events += len(events)
            self._tell(group)

    def _frame_of(self, group: list[Submission]) -> tuple[AcceptedHead, list[bytes]]:
        events: list[bytes] = []
        rows: list[AcceptedRow] = []
        offset = 0
        for request, submission in enumerate(group):
            own = submission.events
            if len(own) == 1:  # as most have it; the loop below would take twice as long
                rows.append(AcceptedRow(offset, len(own[0]), request, submission.message_ids[0], submission.made[0]))
                offset += len(own[0])
            else:
                for event, identifier, is_made in zip(own, submission.message_ids, submission.made, strict=True):
                    length = len(event)
                    rows.append(AcceptedRow(offset, length, request, identifier, is_made))
                    offset += length
            events.extend(own)
        requests = [submission.record for submission in group]
        return AcceptedHead(self._writer, self._number + 1, requests, rows, self._lap), events

    async def _store(self, payload: bytes, deadline: float) -> None:
        """Append until it is certain that the frame stands in the log. Raises NotStored, LogRefused."""
        subject = accepted_subject(self._shard, self._writer)
        waits = backoff(0.05, 0.5)
        while True:
            fault_point("edge.before_append")
            try:
                seconds = max(0.1, min(APPEND_SECONDS, deadline - self._loop.time()))
                sequence = await self._log.append(subject, payload, expected_last=self._last, timeout=seconds)
            except (LogUnavailable, SequenceMismatch) as error:
                if self._last and isinstance(error, SequenceMismatch) and error.last == 0:
                    # Retention has taken this writer's frames in a quiet time, and nothing stands there: no doubt.
                    self._last = 0
                    continue
                logger.warning("An append is in doubt.", shard=self._shard, reason=str(error))
                found = await self._look(subject, deadline)
            else:
                found = sequence
            if found is not None:
                self._last = found
                self._number += 1
                return
            if self._loop.time() >= deadline:
                raise NotStored("the log engine stored nothing in time")
            await asyncio.sleep(next(waits))

    async def _look(self, subject: str, deadline: float) -> int | None:
        """The sequence of the frame in doubt where it is stored, else None. Raises NotStored where nobody can tell."""
        waits = backoff(0.05, 0.5)
        while True:
            try:
                await self._log.wait_connected(max(0.05, deadline - self._loop.time()))
                last = await self._log.last(accepted(self._shard), subject)
                break
            except LogError as error:
                if self._loop.time() >= deadline:
                    raise NotStored(f"nobody can tell: {error}") from error
                await asyncio.sleep(next(waits))
        if last is None or last.sequence == self._last:
            if self._last and last is None:
                raise NotStored("the subject's frames are gone")
            return None
        try:
            head = decoder.head(last.payload)
        except FrameError as error:
            raise NotStored(f"a frame that cannot be read stands there: {error}") from error
        if (head.writer, head.number) != (self._writer, self._number + 1):
            raise NotStored(f"frame {head.number} of {head.writer} stands there")
        return last.sequence

    def _fail(self, group: list[Submission]) -> None:
        self._tell(group, unavailable())

    def _tell(self, group: list[Submission], refusal: Refusal | None = None) -> None:
        """What became of each; one that cannot be told must not end the writer, on which all others wait."""
        for submission in group:
            try:
                if refusal is None:
                    submission.receipt.stored()
                else:
                    submission.receipt.refused(refusal)
            except Exception:
                logger.exception("A request could not be answered.", shard=self._shard, writer=self._writer)

    def _give_up(self, group: list[Submission]) -> None:
        """End the incarnation. Others that have waited as long must not wait for another frame to be given up."""
        self._begin_incarnation()
        self._fail(group)
        while self._waiting and self._waiting[0].deadline <= self._loop.time():
            self._fail([self._waiting.popleft()])
