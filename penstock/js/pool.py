"""The runners of one engine: started when there is work, replaced before they grow old, restarted when they die.

Invariants:
- At most `runners` processes serve; one that is being drained may stand beside its successor.
- A call goes to the runner that has its destination loaded, unless that one is much busier than another.
- A second process is started only when the first has enough in flight to keep a core busy.
"""

import asyncio
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, Self

import msgspec
import structlog

from penstock.infra.http import OutboundPolicy
from penstock.js.deno import BUNDLE, find_deno, runner_command, runner_environment
from penstock.js.errors import BundleMissing, RunnerLost
from penstock.js.protocol import RunnerAnswer, RunnerRequest
from penstock.js.runner import Runner
from penstock.kit.backoff import backoff

logger = structlog.get_logger(__name__)

_BUSY = 16
"""Calls in flight from which another process is worth its memory."""
_COLD_BYTES = 160 << 20
_AFFINITY = 32
"""How many more calls in flight a runner may have than another and still keep its destinations."""


class PoolSettings(msgspec.Struct, frozen=True):
    """The limits of the runners."""

    runners: int = 2
    megabytes: int = 600
    calls: int = 50_000
    start_seconds: float = 20.0
    drain_seconds: float = 60.0
    backoff_seconds: float = 0.2
    backoff_limit: float = 10.0


class RunnerPool:
    """Use as an async context manager, or call `close`."""

    def __init__(self, policy: OutboundPolicy, settings: PoolSettings | None = None, bundle: Path = BUNDLE) -> None:
        self._policy = policy
        self._settings = settings or PoolSettings()
        self._bundle = bundle
        self._runners: list[Runner] = []
        self._living: set[Runner] = set()
        """Also those that are drained, or not yet serving."""
        self._starting: asyncio.Task[None] | None = None
        self._side: set[asyncio.Task[Any]] = set()
        self._waits = self._fresh_waits()
        self._is_closed = False

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    @property
    def runners(self) -> tuple[Runner, ...]:
        """Those that serve now."""
        return tuple(runner for runner in self._runners if not runner.lost.is_set())

    async def call(self, request: RunnerRequest) -> RunnerAnswer:
        """Ask a runner. Raises RunnerLost (try again), RequestTooLarge, DenoMissing, BundleMissing."""
        runner = await self._choose(request.metadata_id)
        runner.destinations.add(request.metadata_id)
        answer = await runner.call(request)
        self._waits = self._fresh_waits()
        if runner.calls >= self._settings.calls or runner.rss >= self._settings.megabytes << 20:
            self._retire(runner)
        return answer

    async def close(self) -> None:
        """End all runners; calls in flight get RunnerLost."""
        self._is_closed = True
        if self._starting is not None:
            self._starting.cancel()
            await asyncio.gather(self._starting, return_exceptions=True)
        for task in self._side:
            task.cancel()
        await asyncio.gather(*self._side, return_exceptions=True)
        await asyncio.gather(*(runner.kill() for runner in self._living))
        self._living.clear()
        self._runners.clear()

    async def _choose(self, metadata_id: str) -> Runner:
        if self._is_closed:
            raise RunnerLost("the runners are closed")
        if not self.runners:
            # Whoever waits gives up alone; the start goes on for the others.
            await asyncio.shield(self._start())
        serving = self.runners
        if not serving:
            raise RunnerLost("no runner serves")
        idlest = min(serving, key=lambda runner: runner.in_flight)
        if idlest.in_flight >= _BUSY and len(serving) < self._settings.runners:
            self._start()
        loaded = [runner for runner in serving if metadata_id in runner.destinations]
        if loaded:
            known = min(loaded, key=lambda runner: runner.in_flight)
            if known.in_flight - idlest.in_flight < _AFFINITY:
                return known
        return idlest

    def _start(self) -> asyncio.Task[None]:
        """One start at a time; whoever needs a runner waits for the same."""
        if self._starting is None or self._starting.done():
            self._starting = asyncio.create_task(self._add())
            self._starting.add_done_callback(_seen)
        return self._starting

    async def _add(self) -> None:
        if not self._bundle.is_file():
            raise BundleMissing(f"{self._bundle} is not built; `python -m penstock.js.build` makes it")
        command = runner_command(find_deno(), self._bundle, self._policy)
        try:
            runner = await self._warm(command)
        except (RunnerLost, OSError) as error:
            wait = next(self._waits)
            logger.error("A runner cannot be started.", error=str(error)[:1000], wait_seconds=round(wait, 1))  # noqa: TRY400
            await asyncio.sleep(wait)
            raise RunnerLost(f"no runner could be started: {error}") from error
        self._runners.append(runner)
        self._beside(self._watch(runner))
        logger.info("A runner serves.", pid=runner.pid, runners=len(self._runners))

    async def _warm(self, command: list[str]) -> Runner:
        """A runner of compiled code: the first on a machine compiles, and keeps the memory that it took."""
        runner = await self._born(command)
        if runner.rss < _COLD_BYTES:
            return runner
        await runner.end()
        self._living.discard(runner)
        return await self._born(command)

    async def _born(self, command: list[str]) -> Runner:
        runner = await Runner.start(command, runner_environment(), self._settings.start_seconds)
        self._living.add(runner)
        return runner

    async def _watch(self, runner: Runner) -> None:
        await runner.lost.wait()
        if runner in self._runners:
            self._runners.remove(runner)
            logger.warning("A runner ended.", pid=runner.pid, calls=runner.calls)
        await runner.kill()
        self._living.discard(runner)

    def _retire(self, runner: Runner) -> None:
        if runner not in self._runners:
            return
        self._runners.remove(runner)
        logger.info("A runner is replaced.", pid=runner.pid, calls=runner.calls, megabytes=runner.rss >> 20)
        self._beside(runner.drain(self._settings.drain_seconds))
        if not self._is_closed:
            self._start()

    def _beside(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._side.add(task)
        task.add_done_callback(self._side.discard)

    def _fresh_waits(self) -> Any:
        return backoff(self._settings.backoff_seconds, self._settings.backoff_limit)


def _seen(task: asyncio.Task[None]) -> None:
    """An error that nobody waited for was logged already."""
    if not task.cancelled():
        task.exception()
