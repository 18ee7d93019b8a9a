"""One supervised child: started, watched, restarted with backoff, stopped within a deadline."""

import asyncio
import os
import signal
import sys
from collections.abc import Awaitable, Callable, Iterator, Mapping
from typing import Protocol

import structlog

from penstock.kit.backoff import backoff
from penstock.kit.parent import PARENT_VARIABLE

logger = structlog.get_logger(__name__)
_STEADY_SECONDS = 30.0
REFUSED_STATUS = 78
"""EX_CONFIG of sysexits.h: a child ended because of its settings, and would again."""


class Process(Protocol):
    """The part of `asyncio.subprocess.Process` that is used."""

    @property
    def pid(self) -> int: ...

    @property
    def returncode(self) -> int | None: ...

    async def wait(self) -> int: ...

    def send_signal(self, signal: int) -> None: ...

    def kill(self) -> None: ...


Start = Callable[[], Awaitable[Process]]


def python_child(module: str, environment: Mapping[str, str]) -> Start:
    """How to start `python -m module` as a child that dies with this process."""

    async def start() -> Process:
        return await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            module,
            env={**os.environ, **environment, PARENT_VARIABLE: str(os.getpid())},
            stdin=asyncio.subprocess.DEVNULL,
            # Ctrl-C reaches the whole foreground group; the supervisor alone decides the order of the stop.
            start_new_session=True,
        )

    return start


class Child:
    """Keeps one process running until it is stopped. `on_change` is told after every start."""

    def __init__(self, name: str, start: Start, on_change: Callable[[], None]) -> None:
        self.name = name
        self.restarts = 0
        self.is_refusing = False
        self._start = start
        self._on_change = on_change
        self._process: Process | None = None
        self._task: asyncio.Task[None] | None = None
        self._is_stopping = False

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process and self._process.returncode is None else None

    async def start(self) -> None:
        await self._launch()
        self._task = asyncio.create_task(self._keep())

    async def stop(self, seconds: float) -> None:
        """SIGTERM, then SIGKILL after `seconds`."""
        self._is_stopping = True
        process = self._process
        if process is not None and process.returncode is None:
            process.send_signal(signal.SIGTERM)
            try:
                async with asyncio.timeout(seconds):
                    await process.wait()
            except TimeoutError:
                logger.warning("Child did not stop in time and is killed.", child=self.name)
                process.kill()
                await process.wait()
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _launch(self) -> None:
        self._process = await self._start()
        try:
            self._on_change()
        except OSError as error:  # a full disk; the process runs all the same, and must not be started twice
            logger.error("The start of a child could not be recorded.", child=self.name, reason=str(error))  # noqa: TRY400

    async def _keep(self) -> None:
        loop = asyncio.get_running_loop()
        waits = backoff(0.1, 5.0)
        while not self._is_stopping and self._process is not None:
            started = loop.time()
            status = await self._process.wait()
            if self._is_stopping:
                return
            if loop.time() - started > _STEADY_SECONDS:
                waits = backoff(0.1, 5.0)
            self.restarts += 1
            self.is_refusing = status == REFUSED_STATUS
            logger.error("Child ended and is started again.", child=self.name, status=status)
            await asyncio.sleep(next(waits))
            await self._relaunch(waits)

    async def _relaunch(self, waits: Iterator[float]) -> None:
        while not self._is_stopping:
            try:
                await self._launch()
            except Exception:
                logger.exception("Child cannot be started; trying again.", child=self.name)
                await asyncio.sleep(next(waits))
            else:
                return
