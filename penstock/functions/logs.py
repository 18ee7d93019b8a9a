"""What functions print and what failed runs had asked for, on its way to where it is kept: a bounded queue that is
written beside the path of events.

Invariants:
- A run costs no more than an append to its function's queue. What a noisy function prints above the bound is lost,
  the oldest first, and counted in the next line.
- What cannot be written is lost: console output holds up nothing.
- The stream stands in memory, so it is gone with the log engine, and is made where there is none.
"""

import asyncio
from collections import deque

import msgspec
import structlog

from penstock.functions.instance import Program
from penstock.functions.outcome import Consequence, Outcome
from penstock.infra.log import Log, LogError, LogUnavailable, StreamSpec
from penstock.kit.clock import Clock
from penstock.kit.time import format_iso
from penstock.spec.function_logs import DAYS, LINE_LIMIT, LINES, TOTAL_BYTES, KeptRequest, LogLine
from penstock.spec.streams import FUNCTION_LOGS, FUNCTION_LOGS_SUBJECTS, function_logs_subject
from penstock.spec.tail import CLOSED, TailLine, TailStep, Tap

logger = structlog.get_logger(__name__)

WRITE_SECONDS = 1.0
FUNCTIONS_AT_ONCE = 100
"""Whose lines wait at the same time; of others they are lost."""
REQUESTS_AT_ONCE = 40
"""Of one function, that wait whole; of others the line alone is kept."""
_URL_LIMIT = 800
_BATCH = 1_000
_encode = msgspec.json.Encoder().encode
_THROWN = frozenset({Consequence.RETRIED, Consequence.REFUSED})


class _Waiting:
    """Lines of one function."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.lines: deque[LogLine] = deque(maxlen=LINES)
        self.offered = 0
        self.requests = 0

    def offer(self, line: LogLine) -> None:
        if line.request is not None:
            self.requests += 1
            if self.requests > REQUESTS_AT_ONCE:
                line = msgspec.structs.replace(line, request=None)
        self.lines.append(line)
        self.offered += 1

    def taken(self) -> list[LogLine]:
        first, *others = self.lines
        return [msgspec.structs.replace(first, skipped=self.offered - len(self.lines)), *others]


def _summary(asked: KeptRequest) -> str:
    return f"{asked.method} {asked.url[:_URL_LIMIT]} {asked.status or asked.error}"[:LINE_LIMIT]


def _told(program: Program, line: LogLine) -> TailLine:
    return TailLine(
        step=TailStep.FUNCTION,
        time=format_iso(line.time_ms),
        workspace_id=program.workspace_id,
        source_id="",
        destination_id=line.place_id,
        function_id=program.function_id,
        level=line.level,
        text=line.text,
    )


def _stream(replicas: int) -> StreamSpec:
    return StreamSpec(
        FUNCTION_LOGS,
        FUNCTION_LOGS_SUBJECTS,
        storage="memory",
        replicas=replicas,
        max_messages_per_subject=LINES,
        max_bytes=TOTAL_BYTES,
        max_age_seconds=DAYS * 86_400,
    )


class LogQueue:
    """One per process. `run` writes until cancelled; a tap is told what is written."""

    def __init__(self, log: Log, clock: Clock, replicas: int = 1, tap: Tap = CLOSED) -> None:
        self._log = log
        self._replicas = replicas
        self._tap = tap
        self._clock = clock
        self._waiting: dict[str, _Waiting] = {}
        """By subject."""

    def offer(self, place: str, program: Program, outcome: Outcome) -> None:
        """What a run printed, what it had asked for and what it was ended by."""
        is_thrown = outcome.consequence in _THROWN
        if not outcome.logs and not is_thrown:
            return
        subject = function_logs_subject(program.workspace_id, program.function_id)
        waiting = self._waiting.get(subject)
        if waiting is None:
            if len(self._waiting) >= FUNCTIONS_AT_ONCE:
                return
            waiting = self._waiting[subject] = _Waiting(program)
        now, place_id = self._clock.now_ms(), place.partition("/")[0]
        for printed in outcome.logs:
            level, _, text = printed.partition(" ")
            waiting.offer(LogLine(now, level, text[:LINE_LIMIT], place_id))
        if is_thrown:
            for asked in outcome.requests:
                waiting.offer(LogLine(now, "request", _summary(asked), place_id, request=asked))
            waiting.offer(LogLine(now, "throw", outcome.message[:LINE_LIMIT], place_id))

    async def run(self) -> None:
        """For ever."""
        while True:
            await asyncio.sleep(WRITE_SECONDS)
            await self.write()

    async def write(self) -> None:
        """Write what waits."""
        if not self._waiting:
            return
        taken, self._waiting = self._waiting, {}
        lines = [(subject, each.program, line) for subject, each in taken.items() for line in each.taken()]
        if self._tap.is_open:
            self._tap.offer(_told(program, line) for _, program, line in lines)
        messages = [(subject, _encode(line)) for subject, _, line in lines]
        try:
            await self._append(messages)
        except LogError as error:
            logger.warning("What functions printed is lost.", lines=len(messages), reason=str(error))

    async def _append(self, messages: list[tuple[str, bytes]]) -> None:
        """Raises LogError."""
        for start in range(0, len(messages), _BATCH):
            batch = messages[start : start + _BATCH]
            try:
                await self._log.append_batch(batch)
            except LogUnavailable:  # also where no stream takes it
                await self._log.ensure_stream(_stream(self._replicas))
                await self._log.append_batch(batch)

    def forget(self, workspace_id: str) -> None:
        """What waits of this workspace's functions."""
        prefix = function_logs_subject(workspace_id, "")
        self._waiting = {subject: each for subject, each in self._waiting.items() if not subject.startswith(prefix)}
