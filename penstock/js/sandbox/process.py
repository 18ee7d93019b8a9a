"""One sandbox: a process that has loaded one script and runs its handlers, within limits that hold from outside.

Invariants:
- Whoever invokes gets exactly one answer, or one SandboxLost that says why the process ended.
- An invocation stays in flight until it is answered or the process ends, also where its asker has gone.
- An invocation that passes its limit is answered by the sandbox itself; one that holds the event loop, and so keeps
  the sandbox from answering, ends the process.
- What an invocation prints is told line by line, and belongs to its end, whatever that is.
- Memory is watched from outside, asked or not, because a heap limit counts no buffers. A process that works while
  nobody has asked it anything is ended too: a thread of the code's own making is at work.
- What its requests take of our memory is bounded: those that find no room are refused, and an answer waits until the
  process has read those before.
- Lines without the nonce are none of the host's. A few are passed over; many, or one that is no JSON, end the process.
- Lines with it are believed no more than they have to be: one that prints or asks for more than the host would pass on
  is ended, and one whose results are no JSON.
"""

import asyncio
import contextlib
import os
import resource
import signal
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections import deque
from collections.abc import Awaitable, Callable, Iterable
from enum import StrEnum
from typing import Any

import msgspec
import structlog

from penstock.js.deno import find_deno
from penstock.js.errors import RunnersError
from penstock.js.sandbox.command import DIRECTORY, ENVIRONMENT, HEAP_MEGABYTES, sandbox_command
from penstock.js.sandbox.modules import modules_for
from penstock.js.sandbox.protocol import (
    LINE_LIMIT,
    REQUESTS_KEPT,
    Exchanged,
    Ran,
    Said,
    Thrown,
    Wish,
    answered,
    begun,
    decode,
    fetched_line,
    invoke_line,
    judged,
    load_line,
)
from penstock.js.sandbox.usage import Usage, usage_of
from penstock.kit.parent import before_exec

logger = structlog.get_logger(__name__)

_WATCH_SECONDS = 0.1
_IDLE_SECONDS = 2.0
_IDLE_CPU_SECONDS = 0.5
"""Of one idle look at another: a host that nobody asks anything uses hundredths."""
_GRACE_SECONDS = 0.5
_STRAY_LIMIT = 100
_UNHEARD_BYTES = 1 << 20
_PRINTED_LIMIT = 8_192
"""Characters of one invocation: twice what the host passes on."""
_REQUESTS_LIMIT = 100
"""Of one invocation, as the host has it."""
_REQUESTS_AT_ONCE = 20
_REQUESTS_WAITING = 1_000
_REQUEST_BYTES = 32 << 20
"""Lines of requests, those that are made and those that wait."""
_NO_ROOM = {"error": {"message": "too many requests wait", "type": "system", "code": "ENOBUFS"}}

Fetcher = Callable[[Wish], Awaitable[dict[str, Any]]]
"""Makes a request to the outside for the code. What goes wrong is an answer too."""


class Ending(StrEnum):
    """Why a sandbox ended."""

    TIMEOUT = "timeout"
    MEMORY = "memory"
    PROTOCOL = "protocol"
    BUSY = "busy"
    """It worked while it had nothing to do."""
    EXIT = "exit"
    """By itself, or by our closing it."""


class SandboxLost(RunnersError):  # noqa: N818 - the consequence is in the name
    """The process ended before it answered."""

    def __init__(
        self,
        ending: Ending,
        beside: int = 0,
        logs: list[str] | None = None,
        requests: Iterable[Exchanged] = (),
    ) -> None:
        super().__init__(f"the sandbox ended: {ending}")
        self.ending = ending
        self.beside = beside
        """How many others were in flight at its end."""
        self.logs = logs or []
        """What this invocation had printed."""
        self.requests = list(requests)
        """And asked for."""


class Unloadable(RunnersError):  # noqa: N818
    """The script itself threw, or is none."""

    def __init__(self, error: Thrown) -> None:
        super().__init__(f"{error.name}: {error.message}")
        self.error = error


class Limits(msgspec.Struct, frozen=True):
    """Of one process."""

    heap_megabytes: int = HEAP_MEGABYTES
    megabytes: int = 256
    """All memory: heap, buffers, code."""
    start_seconds: float = 20.0
    """Of the clock, for the host to come up, and again for the script to be loaded."""
    load_seconds: float = 5.0
    """Of the process's own time, for the script: what has no turn on a busy machine is not to blame."""


class _Asked(msgspec.Struct):
    """One invocation, or the loading, in flight."""

    answer: "asyncio.Future[Said]"
    logs: list[str]
    requests: deque[Exchanged]
    printed: int = 0
    """Characters, and one for each line."""
    begun: int = 0
    """Requests."""


class Sandbox:
    """Made by `start`."""

    def __init__(self, process: Process, nonce: str, fetcher: Fetcher, limits: Limits) -> None:
        self._process = process
        self._nonce = nonce
        self._fetcher = fetcher
        self._limits = limits
        self._waiting: dict[int, _Asked] = {}
        self._requests: set[asyncio.Task[None]] = set()
        self._room = asyncio.Semaphore(_REQUESTS_AT_ONCE)
        self._next = 0
        self._stray = 0
        self._request_bytes = 0
        self._ending = Ending.EXIT
        self.handlers: frozenset[str] = frozenset()
        self.lost = asyncio.Event()
        self._tasks = [asyncio.create_task(self._read()), asyncio.create_task(self._watch())]

    @classmethod
    async def start(cls, kind: str, code: str, fetcher: Fetcher, limits: Limits) -> "Sandbox":
        """A process that has loaded the script. Raises SandboxLost, Unloadable, DenoMissing."""
        process = await asyncio.create_subprocess_exec(
            *sandbox_command(find_deno(), "sandbox.js", limits.heap_megabytes),
            stdin=PIPE,
            stdout=PIPE,
            stderr=DEVNULL,
            env=ENVIRONMENT,
            cwd=DIRECTORY,
            limit=LINE_LIMIT,
            preexec_fn=_prepared(),
        )
        try:
            sandbox = cls(process, await _nonce(process, limits.start_seconds), fetcher, limits)
        except BaseException:
            await _end(process)
            raise
        try:
            await sandbox._load(kind, code)
        except BaseException:
            await sandbox.close()
            raise
        return sandbox

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def ending(self) -> Ending:
        """Why it ended, once it is lost."""
        return self._ending

    @property
    def in_flight(self) -> int:
        return len(self._waiting)

    async def invoke(self, handler: str, given: bytes, settings: bytes, seconds: float) -> Ran:
        """Run a handler on JSON text; `is_late` where it passed its limit and the process lives. Raises SandboxLost."""
        self._next += 1
        line = invoke_line(self._next, handler, given, settings, seconds)
        said, asked = await self._ask(self._next, line, seconds)
        value = (said.value or "null").encode()
        return Ran(value, said.error, said.is_late, asked.logs, said.messages, list(asked.requests))

    async def close(self) -> None:
        """End it now; returns when it has ended."""
        self._kill(Ending.EXIT)
        await self._process.wait()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _load(self, kind: str, code: str) -> None:
        line = load_line(kind, code, modules_for(code))
        limit = asyncio.create_task(self._end_after(self._limits.load_seconds))
        try:
            said, _ = await self._ask(0, line, self._limits.start_seconds, Ending.EXIT)
        finally:
            limit.cancel()
        if said.kind != "loaded":
            raise Unloadable(said.error or Thrown())
        self.handlers = frozenset(said.handlers)

    async def _end_after(self, seconds: float) -> None:
        """End the process once it has worked for so long from now."""
        until = usage_of(self.pid).cpu_seconds + seconds
        while not await self._is_lost_within(seconds / 10):
            if usage_of(self.pid).cpu_seconds >= until:
                self._kill(Ending.TIMEOUT)

    async def _ask(
        self, identifier: int, line: bytes, seconds: float, late: Ending = Ending.TIMEOUT
    ) -> tuple[Said, _Asked]:
        """The answer, and what was printed and asked for before it. Raises SandboxLost, `late` after `seconds`."""
        if self.lost.is_set():
            raise SandboxLost(self._ending)
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[Said] = loop.create_future()
        stuck = loop.call_later(seconds + _GRACE_SECONDS, self._kill, late)

        def ended(future: "asyncio.Future[Said]") -> None:
            stuck.cancel()
            del self._waiting[identifier]
            if not future.cancelled():
                future.exception()  # its asker may have gone

        asked = self._waiting[identifier] = _Asked(answer, [], deque(maxlen=REQUESTS_KEPT))
        answer.add_done_callback(ended)
        self._write(line)
        return await asyncio.shield(answer), asked

    def _write(self, line: bytes) -> None:
        assert self._process.stdin is not None  # noqa: S101 - asked for at the start
        with contextlib.suppress(ConnectionError, RuntimeError):  # its end is told by the reader
            self._process.stdin.write(line)

    def _kill(self, ending: Ending) -> None:
        if self._process.returncode is None and not self.lost.is_set():
            if ending is not Ending.EXIT:
                self._ending = ending
                logger.warning("A sandbox is ended.", pid=self.pid, reason=ending, invocations=len(self._waiting))
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()

    async def _read(self) -> None:
        assert self._process.stdout is not None  # noqa: S101
        try:
            await self._hear(self._process.stdout)
            # Megabytes of lines may stand in the buffer: to look at each would hold all who share this loop.
            while await self._process.stdout.read(_UNHEARD_BYTES):
                continue
        finally:
            code = await asyncio.shield(self._process.wait())
            if self._ending is Ending.EXIT and code == -signal.SIGTRAP:
                self._ending = Ending.MEMORY  # V8 reached its heap limit
            self._lose()

    async def _hear(self, stdout: asyncio.StreamReader) -> None:
        try:
            while self._ending is not Ending.PROTOCOL and (line := await stdout.readline()):
                self._take(decode(line), len(line))
        except (ValueError, msgspec.MsgspecError, ConnectionError):
            self._kill(Ending.PROTOCOL)

    def _lose(self) -> None:
        self.lost.set()
        for request in self._requests:
            request.cancel()
        beside = len(self._waiting) - 1
        for asked in self._waiting.values():
            if not asked.answer.done():
                asked.answer.set_exception(SandboxLost(self._ending, beside, asked.logs, asked.requests))

    def _take(self, said: Said, size: int) -> None:
        if said.nonce != self._nonce:
            self._stray += 1
            if self._stray > _STRAY_LIMIT:
                self._kill(Ending.PROTOCOL)
        elif said.kind == "fetch" and said.request is not None:
            self._begin(said, said.request, size)
        elif (asked := self._waiting.get(said.id)) is None or asked.answer.done():
            return
        elif said.kind == "log":
            self._print(asked, said.line)
        else:
            asked.answer.set_result(judged(said))

    def _print(self, asked: _Asked, line: str) -> None:
        before, asked.printed = asked.printed, asked.printed + len(line) + 1
        if asked.printed <= _PRINTED_LIMIT:
            asked.logs.append(line)
        elif before <= _PRINTED_LIMIT:
            self._kill(Ending.PROTOCOL)

    def _begin(self, said: Said, wish: Wish, size: int) -> None:
        asked = self._waiting.get(said.id)
        if asked is None or asked.answer.done() or asked.begun == _REQUESTS_LIMIT:
            self._kill(Ending.PROTOCOL)
            return
        exchanged = begun(wish)
        asked.begun += 1
        asked.requests.append(exchanged)
        if self._request_bytes + size > _REQUEST_BYTES or len(self._requests) >= _REQUESTS_WAITING:
            exchanged.answer = _NO_ROOM
            self._write(fetched_line(said.call, _NO_ROOM))
            return

        def ended(request: asyncio.Task[None]) -> None:
            self._requests.discard(request)
            self._request_bytes -= size

        self._request_bytes += size
        request = asyncio.create_task(self._fetch(said.call, wish, exchanged))
        self._requests.add(request)
        request.add_done_callback(ended)

    async def _fetch(self, call: int, wish: Wish, exchanged: Exchanged) -> None:
        assert self._process.stdin is not None  # noqa: S101
        async with self._room:
            answer = await self._fetcher(wish)
            exchanged.answer = answered(answer)
            self._write(fetched_line(call, answer))
            with contextlib.suppress(ConnectionError):
                await self._process.stdin.drain()

    async def _watch(self) -> None:
        """End the process where it takes more than it may."""
        loop = asyncio.get_running_loop()
        before, since, asked = usage_of(self.pid), loop.time(), self._next
        while not await self._is_lost_within(_WATCH_SECONDS):
            now = usage_of(self.pid)
            if now.megabytes > self._limits.megabytes:
                self._kill(Ending.MEMORY)
            is_idle = not self._waiting and self._next == asked
            if is_idle and loop.time() - since < _IDLE_SECONDS:
                continue
            if is_idle and _works(before, now):
                self._kill(Ending.BUSY)
            before, since, asked = now, loop.time(), self._next

    async def _is_lost_within(self, seconds: float) -> bool:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self.lost.wait()
        return self.lost.is_set()


def _works(before: Usage, now: Usage) -> bool:
    return now.cpu_seconds - before.cpu_seconds > _IDLE_CPU_SECONDS


async def _nonce(process: Process, seconds: float) -> str:
    """What the host says first, before any foreign code runs."""
    assert process.stdout is not None  # noqa: S101
    try:
        async with asyncio.timeout(seconds):
            return decode(await process.stdout.readline()).nonce
    except (TimeoutError, ValueError, msgspec.MsgspecError) as error:
        raise SandboxLost(Ending.EXIT) from error


def _prepared() -> Callable[[], None]:
    """What the child does before it becomes Deno: dies with its parent, dumps no core, goes first when memory ends."""
    die_with_parent = before_exec()

    def prepare() -> None:
        if die_with_parent is not None:
            die_with_parent()
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        try:
            descriptor = os.open("/proc/self/oom_score_adj", os.O_WRONLY)
            os.write(descriptor, b"1000")
            os.close(descriptor)
        except OSError:
            return  # no such thing here

    return prepare


async def _end(process: Process) -> None:
    if process.returncode is None:
        process.kill()
    await process.wait()
