"""One function where it is used: a process of its own that starts when there is work, and what its end costs.

Invariants:
- A process that ends costs the event that ended it, and no other: what was in flight beside runs again, each in a
  process of its own, and only what ends that one too is taken for the cause.
- While the cause of a timeout may be among many, one at a time runs; success brings the many back.
- A script that cannot be loaded is not tried again for each event.
- Each process that ends while it should live is told to the function's health, once; while that holds the function
  back, nothing is started.
"""

import asyncio
from collections.abc import Sequence
from typing import Any

import msgspec
import structlog

from penstock.functions.health import Health
from penstock.functions.outcome import ENDINGS, Outcome, no_process, of_ending, of_thrown, timed_out, too_many
from penstock.functions.requests import kept_requests
from penstock.js.errors import RunnersError
from penstock.js.sandbox import Ending, Exchanged, Fetcher, Limits, Ran, Sandbox, SandboxLost, Thrown, Unloadable
from penstock.kit.json import is_blank

logger = structlog.get_logger(__name__)

_AT_ONCE = 10
_CALM_AFTER = 50
"""Runs without a timeout after which many run at once again."""
_UNLOADABLE_SECONDS = 10.0


class HeldBack(RunnersError):  # noqa: N818 - no error of ours
    """It has ended too many processes."""


class Program(msgspec.Struct, frozen=True):
    """What is loaded: the kind decides which globals there are."""

    kind: str
    code: str
    workspace_id: str = ""
    function_id: str = ""
    """Empty where what it prints is not kept."""
    sensitive: tuple[str, ...] = ()
    """Names of the settings whose values are shown to nobody."""
    required: tuple[str, ...] = ()
    """Names of the settings that nothing of it runs without."""
    deployed_at: int = 0
    """Of another deployment it is another program, though its code be the same."""

    def lacking(self, settings: bytes) -> list[str]:
        """Those of them that are not there, or blank, in a JSON object."""
        if not self.required:
            return []
        given: dict[str, Any] = msgspec.json.decode(settings)
        return [name for name in self.required if is_blank(given.get(name))]


class Work(msgspec.Struct, frozen=True):
    """One run: a handler, and JSON text of what it is given."""

    handler: str
    given: bytes
    settings: bytes = b"{}"
    seconds: float = 5.0
    patience: float = 5.0
    """How long it may wait for its turn."""


class Instance:
    """Made by the pool, which also decides when it stops. `cells` bounds the processes for what runs again.

    What was logged is kept of failures, or with `keeps_logs` of every run; what was asked for, of failures.
    """

    def __init__(
        self,
        program: Program,
        fetcher: Fetcher,
        limits: Limits,
        cells: asyncio.Semaphore,
        health: Health | None = None,
        *,
        keeps_logs: bool = False,
    ) -> None:
        self.program = program
        self._health = health or Health()
        self._fetcher = fetcher
        self._limits = limits
        self._cells = cells
        self._sandbox: Sandbox | None = None
        self._starting = asyncio.Lock()
        self._refused: tuple[float, Thrown] | None = None
        self._running = 0
        self._turn = asyncio.Condition()
        self._calm = _CALM_AFTER
        self._keeps_logs = keeps_logs
        self.in_use = 0
        self.idle = asyncio.Event()
        self.last_used = 0.0
        """When a run last ended, or began where none was."""
        self.started = 0
        """Processes, since the beginning."""

    @property
    def is_running(self) -> bool:
        """Whether a process stands."""
        return self._sandbox is not None and not self._sandbox.lost.is_set()

    @property
    def pid(self) -> int:
        """0 where no process stands."""
        return self._sandbox.pid if self._sandbox is not None and self.is_running else 0

    async def run(self, work: Work) -> Outcome:
        """What the run came to. Whatever goes wrong is an outcome."""
        if not self.in_use:
            self.last_used = asyncio.get_running_loop().time()
        self.in_use += 1
        self.idle.clear()
        try:
            return await self._run(work)
        except Unloadable as error:
            return of_thrown(error.error, [])
        except HeldBack as error:
            return no_process(str(error))
        except RunnersError as error:
            logger.warning("A function cannot be run.", reason=str(error))
            return no_process(str(error))
        finally:
            self.in_use -= 1
            self.last_used = asyncio.get_running_loop().time()
            if not self.in_use:
                self.idle.set()

    async def handlers(self) -> frozenset[str]:
        """What the script has; nothing where it cannot be loaded, which running it tells better."""
        try:
            return (await self._standing()).handlers
        except RunnersError:
            return frozenset()

    async def close(self) -> None:
        if self._sandbox is not None:
            await self._sandbox.close()

    async def _run(self, work: Work) -> Outcome:
        if not await self._take_turn(work.patience):
            return too_many()
        try:
            sandbox = await self._standing()
            return self._concluded(await self._invoke(sandbox, work), work)
        except SandboxLost as error:
            self._note_loss()
            self._calm = 0
            if error.ending is Ending.TIMEOUT and error.beside == 0:
                return self._failed(timed_out(work.seconds, error.logs), work, error.requests)
        finally:
            await self._give_turn()
        return await self._alone(work)

    async def _alone(self, work: Work) -> Outcome:
        """Once more, in a process that runs nothing else."""
        async with self._cells:
            sandbox = await self._started()
            try:
                return self._concluded(await self._invoke(sandbox, work), work)
            except SandboxLost as error:
                self._health.crashed(ENDINGS[error.ending])
                return self._failed(of_ending(error.ending, work.seconds, error.logs), work, error.requests)
            finally:
                await sandbox.close()

    async def _invoke(self, sandbox: Sandbox, work: Work) -> Ran:
        return await sandbox.invoke(work.handler, work.given, work.settings, work.seconds)

    def _concluded(self, ran: Ran, work: Work) -> Outcome:
        self._health.struggles = ran.is_late
        if ran.is_late:
            return self._failed(timed_out(work.seconds, ran.logs), work, ran.requests)
        self._calm += 1
        if ran.error is not None:
            return self._failed(of_thrown(ran.error, ran.logs), work, ran.requests)
        return Outcome(value=ran.value, messages=ran.messages, logs=ran.logs if self._keeps_logs else [])

    def _failed(self, outcome: Outcome, work: Work, requests: Sequence[Exchanged]) -> Outcome:
        """With what it had asked for, where somebody may read that."""
        if not requests or not self.program.function_id:
            return outcome
        kept = kept_requests(requests, work.settings, self.program.sensitive)
        return msgspec.structs.replace(outcome, requests=kept)

    async def _take_turn(self, patience: float) -> bool:
        async with self._turn:
            try:
                async with asyncio.timeout(patience):
                    await self._turn.wait_for(lambda: self._running < self._at_once())
            except TimeoutError:
                return False
            self._running += 1
            return True

    async def _give_turn(self) -> None:
        self._running -= 1
        async with self._turn:
            self._turn.notify_all()

    def _at_once(self) -> int:
        return _AT_ONCE if self._calm >= _CALM_AFTER else 1

    async def _standing(self) -> Sandbox:
        """The process that serves, started by the first who needs it. Raises SandboxLost, Unloadable."""
        async with self._starting:
            self._note_loss()
            if self._sandbox is None:
                self._sandbox = await self._started()
            return self._sandbox

    def _note_loss(self) -> None:
        """Of the process that serves. Many may have been in flight in it: the first who notices tells."""
        if (sandbox := self._sandbox) is not None and sandbox.lost.is_set():
            self._sandbox = None
            self._health.crashed(ENDINGS[sandbox.ending])

    async def _started(self) -> Sandbox:
        if (held := self._health.held) is not None:
            raise HeldBack(held.message)
        now = asyncio.get_running_loop().time()
        if self._refused is not None and now - self._refused[0] < _UNLOADABLE_SECONDS:
            raise Unloadable(self._refused[1])
        self.started += 1
        try:
            return await Sandbox.start(self.program.kind, self.program.code, self._fetcher, self._limits)
        except Unloadable as error:
            self._refused = (now, error.error)
            raise
        except SandboxLost as error:
            if error.ending is Ending.EXIT:
                self._health.crashed(ENDINGS[error.ending])
                raise
            # The script itself never ends, or takes all memory: no event can change that.
            self._refused = (now, Thrown("Error", f"the script cannot be loaded: {error}"))
            raise Unloadable(self._refused[1]) from error
