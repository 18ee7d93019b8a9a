"""The pipeline's loop: reads ACCEPTED after its position, judges, appends ROUTED in order under a fence.

Invariants:
- The position is the last message of `routed.<shard>`; nothing else is remembered that cannot be made from it.
- A frame is judged while the append before it is in flight; appends happen strictly in order, each with the sequence
  of the one before as its fence.
- After an answer that never came, everything in memory is forgotten and the position is read again: the message may
  be there. If the last message is then not one that this engine wrote, another one owns the shard: end.
"""

import asyncio
import os
from collections import Counter
from contextlib import aclosing
from pathlib import Path

import msgspec
import structlog

from penstock.infra.faults import fault_point
from penstock.infra.log import Log, LogError, LogFull, LogUnavailable, SequenceMismatch
from penstock.infra.snapshots import Snapshots, SnapshotView
from penstock.kit.backoff import backoff
from penstock.kit.clock import Clock
from penstock.kit.ids import resource_id
from penstock.kit.settings import Settings
from penstock.pipeline.arrivals import Arrival, Arrivals
from penstock.pipeline.dedupe import Claims, DedupeIndex
from penstock.pipeline.judging.answer import Answer
from penstock.pipeline.judging.damaged import damaged_answer
from penstock.pipeline.judging.judge import FrameJudge, unknown_keys
from penstock.pipeline.judging.people import Hashed, unsalted
from penstock.pipeline.judging.requests import hint_of
from penstock.pipeline.judging.rules import Rulebook
from penstock.pipeline.judging.watched import WatchedJudge
from penstock.pipeline.recovery import Position, catch_up, check_owner, read_position
from penstock.pipeline.reports import FactReporter
from penstock.spec import accepted, routed
from penstock.spec.calls import StatusReport
from penstock.spec.edits.transformations import Open, no_key
from penstock.spec.tail import CLOSED, Tap

logger = structlog.get_logger(__name__)

KEYS_LOGGED = 10
"""Unknown write keys named in the log per frame; the counts name them all."""


class PipelineEngine:
    """One shard's pipeline. `run` until `stop`; `status` at any time."""

    def __init__(
        self,
        settings: Settings,
        log: Log,
        view: SnapshotView,
        clock: Clock,
        shard: int = 0,
        tap: Tap = CLOSED,
        open_key: Open = no_key,
        hashed: Hashed = unsalted,
    ) -> None:
        self.writer = resource_id()
        self._tap = tap
        self._settings = settings
        self._log = log
        self._view = view
        self._clock = clock
        self._shard = shard
        self._directory = Path(settings.data) / "dedupe" / str(shard)
        self._index: DedupeIndex | None = None
        self._claims = Claims()
        self._rulebook = Rulebook(open_key)
        self._hashed = hashed
        self._arrivals = Arrivals()
        self._reports = FactReporter(log, shard, clock)
        self._position: Position | None = None
        self._created = ""
        self._stopping = asyncio.Event()
        self._has_room = asyncio.Event()
        self._has_room.set()
        self._held = ""
        self._trouble = "the pipeline has not started"
        self._started_at = clock.now_ms()
        self._counts: Counter[str] = Counter()

    @property
    def is_ready(self) -> bool:
        return not self._trouble

    @property
    def position(self) -> Position:
        """The last ROUTED message as far as this engine knows."""
        return self._position or Position()

    def hold(self, reason: str) -> None:
        """Judge nothing more while there is a reason; go on with an empty one."""
        if reason:
            self._has_room.clear()
        else:
            self._has_room.set()
        self._held = reason

    def stop(self) -> None:
        """Have `run` finish what is in flight and return."""
        self._stopping.set()

    async def run(self) -> None:
        """Until stopped. Raises ShardTaken, LogLost, LogRefused, FrameUnknown: what another try would not mend."""
        self._index = DedupeIndex(self._directory, self._settings.dedupe_hours)
        reporting = asyncio.create_task(self._reports.run(), name=f"facts of pipeline {self._shard}")
        try:
            await self._run_anew_until_stopped(self._index)
        finally:
            reporting.cancel()
            await asyncio.gather(reporting, return_exceptions=True)
            await self._report_last()
            self._index.close()

    async def _run_anew_until_stopped(self, index: DedupeIndex) -> None:
        waits = backoff(0.05, 2.0)
        while not self._stopping.is_set():
            before = self.position
            try:
                await self._begin(index)
                await self._flow(index)
            except (LogUnavailable, SequenceMismatch, LogFull) as error:
                self._trouble = str(error)
                logger.warning("The pipeline begins anew.", shard=self._shard, reason=str(error))
            self._claims.forget()
            self._arrivals.forget()
            if self.position != before:
                waits = backoff(0.05, 2.0)
            if not self._stopping.is_set():
                await self._clock.sleep(next(waits))

    async def _begin(self, index: DedupeIndex) -> None:
        found = await read_position(self._log, self._shard)
        if self._position is not None:
            check_owner(self._shard, self.writer, self._position, found)
        hours = self._settings.dedupe_hours
        self._created = await catch_up(self._log, self._shard, index, found, self._clock.now_ms(), hours)
        self._position = found
        self._reports.stand_at(found.sequence)
        self._trouble = ""

    async def _flow(self, index: DedupeIndex) -> None:
        """Judge and append side by side until stopped or one of them fails."""
        answers: asyncio.Queue[Answer] = asyncio.Queue(1)
        judging = asyncio.create_task(self._judge_all(index, answers))
        appending = asyncio.create_task(self._append_all(index, answers))
        stopping = asyncio.create_task(self._stopping.wait())
        try:
            done, _ = await asyncio.wait({judging, appending, stopping}, return_when=asyncio.FIRST_COMPLETED)
            if done == {stopping}:
                judging.cancel()
                drained = asyncio.create_task(answers.join())
                limit = self._settings.drain_seconds
                done, _ = await asyncio.wait({drained, appending}, timeout=limit, return_when=asyncio.FIRST_COMPLETED)
                drained.cancel()
            for task in done & {judging, appending}:
                task.result()
        finally:
            tasks = (judging, appending, stopping)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _judge_all(self, index: DedupeIndex, answers: asyncio.Queue[Answer]) -> None:
        stream = accepted.stream_name(self._shard)
        async with aclosing(self._log.read(stream, self.position.covers + 1)) as messages:
            async for message in messages:
                await self._has_room.wait()
                answer = await self._judge(self._arrivals.open(message), index)
                self._claims.add(answer.claimed)
                await answers.put(answer)

    async def _judge(self, arrival: Arrival, index: DedupeIndex) -> Answer:
        snapshots = self._view.frozen()
        if arrival.head is None:
            return damaged_answer(self.writer, arrival.sequence, arrival.count, snapshots.version)
        if unknown_keys(arrival.head, snapshots):
            await self._view.refresh()
            snapshots = self._view.frozen()
            self._tell_unknown(unknown_keys(arrival.head, snapshots))
        judge = self._judge_of(arrival.head, arrival.body, snapshots, index)
        for _ in judge.slices():
            await asyncio.sleep(0)
        return judge.answer(self.writer, arrival.sequence)

    def _judge_of(
        self, head: accepted.AcceptedHead, body: memoryview, snapshots: Snapshots, index: DedupeIndex
    ) -> FrameJudge:
        given = (head, body, snapshots, index, self._claims, self._rulebook)
        if self._tap.is_open:
            return WatchedJudge(*given, self._clock.now_ms(), self._hashed)
        return FrameJudge(*given, self._hashed)

    async def _append_all(self, index: DedupeIndex, answers: asyncio.Queue[Answer]) -> None:
        while True:
            answer = await answers.get()
            before = self.position.sequence
            fault_point("pipeline.before_append")
            last = await self._append(answer, before)
            fault_point("pipeline.after_append")
            index.apply(answer.claimed, last, self._created)
            self._claims.drop_oldest()
            self._position = Position(last, answer.head.covers, self.writer)
            self._reports.add(before + 1, last, answer.head, self._clock.now_ms())
            self._count(answer)
            if answer.lines:
                self._tap.offer(answer.lines)
            answers.task_done()

    async def _append(self, answer: Answer, expected: int) -> int:
        subject = routed.subject(self._shard)
        if len(answer.parts) == 1:
            return await self._log.append(subject, answer.parts[0].payload, expected_last=expected)
        messages = [(subject, part.payload) for part in answer.parts]
        return await self._log.append_batch(messages, expected_last={subject: expected})

    def _tell_unknown(self, keys: list[str]) -> None:
        for key in keys[:KEYS_LOGGED]:
            logger.warning("Events came with an unknown write key.", shard=self._shard, write_key=hint_of(key))

    def _count(self, answer: Answer) -> None:
        self._counts["frames"] += 1
        self._counts["routed"] += sum(len(part.head.rows) for part in answer.parts)
        for code, number in answer.notes.items():
            self._counts[f"noted_{code}"] += number
        for one in answer.head.outcomes:
            self._counts[one.outcome.lower()] += one.count

    async def _report_last(self) -> None:
        try:
            async with asyncio.timeout(1.0):
                await self._reports.report()
        except Exception as error:  # noqa: BLE001 - a restart reads what was not reported
            logger.info("The last facts are written after the next start.", reason=repr(error))

    async def status(self) -> StatusReport:
        """What this pipeline says of itself; the lag is asked of the log."""
        reasons = [reason for reason in (self._trouble, self._held and f"the pipeline pauses: {self._held}") if reason]
        lag: dict[str, int] = {}
        stream = accepted.stream_name(self._shard)
        try:
            lag[stream] = max(0, (await self._log.state(stream)).last - self.position.covers)
        except LogError as error:
            reasons.append(str(error))
        return StatusReport(
            role="pipeline",
            state="ready" if not reasons else "starting" if self._position is None else "failing",
            reasons=reasons,
            pid=os.getpid(),
            started_at=self._started_at,
            lag=lag,
            counts=dict(self._counts) | {"damaged": self._arrivals.damaged, "gaps": self._arrivals.gaps},
            details={"shard": self._shard, "writer": self.writer, "position": msgspec.structs.asdict(self.position)},
        )
