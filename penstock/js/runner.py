"""One runner process: its pipes, its calls in flight, its end.

Invariants:
- Whoever calls gets exactly one answer or one RunnerLost, whatever the process does.
- A call stays in flight until it is answered or the process ends, also where its caller has gone: a process that is
  stuck is ended after the call's own limit, however early its callers give up.
- A line that is too long or not of the protocol ends the process: nothing after it can be trusted.
- The process dies with this one: by request to the kernel, and because its standard input closes.
"""

import asyncio
from asyncio.subprocess import PIPE, Process

import msgspec
import structlog

from penstock.js.errors import RequestTooLarge, RunnerLost
from penstock.js.protocol import LINE_LIMIT, RunnerAnswer, RunnerRequest, decode_answer, encode_request
from penstock.kit.parent import before_exec

logger = structlog.get_logger(__name__)

_LATE_SECONDS = 5.0
"""How long after its own limit a call may stay unanswered before the runner counts as stuck."""
_END_SECONDS = 2.0
_STDERR_LINES = 200


class Runner:
    """Made by `start`; `lost` is set when it has ended."""

    def __init__(self, process: Process) -> None:
        self._process = process
        self._waiting: dict[int, asyncio.Future[RunnerAnswer]] = {}
        self._next = 0
        self._noted_lines = 0
        self.calls = 0
        self.rss = 0
        self.is_draining = False
        self.destinations: set[str] = set()
        self.lost = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()
        self._tasks = [asyncio.create_task(self._read()), asyncio.create_task(self._note())]

    @classmethod
    async def start(cls, command: list[str], environment: dict[str, str], seconds: float) -> "Runner":
        """A runner that has said that it is ready. Raises RunnerLost."""
        process = await asyncio.create_subprocess_exec(
            *command,
            stdin=PIPE,
            stdout=PIPE,
            stderr=PIPE,
            env=environment,
            limit=LINE_LIMIT,
            preexec_fn=before_exec(),
        )
        assert process.stdout is not None  # noqa: S101 - asked for above
        try:
            async with asyncio.timeout(seconds):
                first = await process.stdout.readline()
            ready = decode_answer(first)
        except (TimeoutError, ValueError, msgspec.MsgspecError) as error:
            await _end(process)
            raise RunnerLost(f"the runner did not get ready: {await _last_words(process)}") from error
        except asyncio.CancelledError:
            await _end(process)
            raise
        runner = cls(process)
        runner.rss = ready.rss or 0
        return runner

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def in_flight(self) -> int:
        return len(self._waiting)

    async def call(self, request: RunnerRequest) -> RunnerAnswer:
        """Ask and wait. Raises RunnerLost, RequestTooLarge."""
        self._next += 1
        identifier = self._next
        line = encode_request(identifier, request)
        if len(line) > LINE_LIMIT:
            raise RequestTooLarge(f"a request of {len(line)} bytes does not fit a line of {LINE_LIMIT}")
        if self.lost.is_set():
            raise RunnerLost("the runner has ended")
        self.calls += 1
        waiting = self._expect(identifier, request)
        try:
            await self._write(line)
        except RunnerLost:
            waiting.cancel()
            raise
        return await asyncio.shield(waiting)

    def _expect(self, identifier: int, request: RunnerRequest) -> "asyncio.Future[RunnerAnswer]":
        """What will hold the answer; the process ends where that is not there in time."""
        loop = asyncio.get_running_loop()
        waiting: asyncio.Future[RunnerAnswer] = loop.create_future()
        late = loop.call_later(request.timeout_ms / 1000 + _LATE_SECONDS, self._end_stuck, request.metadata_id)

        def ended(future: "asyncio.Future[RunnerAnswer]") -> None:
            late.cancel()
            del self._waiting[identifier]
            if not self._waiting:
                self._idle.set()
            if not future.cancelled():
                future.exception()  # its caller may have gone

        self._waiting[identifier] = waiting
        self._idle.clear()
        waiting.add_done_callback(ended)
        return waiting

    def _end_stuck(self, metadata_id: str) -> None:
        """Its event loop is held, so every call in it is."""
        logger.warning("A runner does not answer and is ended.", pid=self.pid, destination=metadata_id)
        if self._process.returncode is None:
            self._process.kill()

    async def drain(self, seconds: float) -> None:
        """Wait for the calls in flight, then end the process."""
        self.is_draining = True
        try:
            async with asyncio.timeout(seconds):
                await self._idle.wait()
        except TimeoutError:
            logger.warning("A runner is ended with calls in flight.", pid=self.pid, calls=self.in_flight)
        await self.end()

    async def end(self) -> None:
        """Let it end by itself, which is when Deno keeps what it compiled; else kill it."""
        assert self._process.stdin is not None  # noqa: S101 - asked for at the start
        self._process.stdin.close()
        try:
            async with asyncio.timeout(_END_SECONDS):
                await self._process.wait()
        except TimeoutError:
            logger.debug("A runner does not end by itself.", pid=self.pid)
        await self.kill()

    async def kill(self) -> None:
        """End it now; returns when it has ended."""
        if self._process.returncode is None:
            self._process.kill()
        await self._process.wait()
        await self.lost.wait()

    async def _write(self, line: bytes) -> None:
        assert self._process.stdin is not None  # noqa: S101 - asked for at the start
        try:
            self._process.stdin.write(line)
            await self._process.stdin.drain()
        except (ConnectionError, RuntimeError) as error:
            raise RunnerLost("the runner's input is closed") from error

    async def _read(self) -> None:
        assert self._process.stdout is not None  # noqa: S101
        try:
            while line := await self._process.stdout.readline():
                self._take(decode_answer(line))
        except (ValueError, msgspec.MsgspecError, ConnectionError) as error:
            logger.error("A runner broke the protocol and is ended.", pid=self.pid, error=str(error)[:300])  # noqa: TRY400
            if self._process.returncode is None:
                self._process.kill()
        finally:
            self.lost.set()
            for waiting in list(self._waiting.values()):
                if not waiting.done():
                    waiting.set_exception(RunnerLost("the runner ended before it answered"))
            await asyncio.shield(self._process.wait())

    def _take(self, answer: RunnerAnswer) -> None:
        if answer.rss is not None:
            self.rss = answer.rss
        waiting = self._waiting.get(answer.id)
        if waiting is not None and not waiting.done():
            waiting.set_result(answer)

    async def _note(self) -> None:
        """What definitions print may name people: it is kept out of the log unless someone asks for debug."""
        assert self._process.stderr is not None  # noqa: S101
        while True:
            try:
                line = await self._process.stderr.readline()
            except ValueError:
                continue
            if not line:
                return
            self._noted_lines += 1
            if self._noted_lines <= _STDERR_LINES:
                logger.debug("A runner said something.", pid=self.pid, line=line.decode(errors="replace")[:500].strip())


async def _end(process: Process) -> None:
    if process.returncode is None:
        process.kill()
    await process.wait()


async def _last_words(process: Process) -> str:
    assert process.stderr is not None  # noqa: S101
    return (await process.stderr.read(2000)).decode(errors="replace").strip() or "it said nothing"
