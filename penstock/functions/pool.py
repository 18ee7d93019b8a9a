"""All functions that run in this process: each where it is used, bounded in number, stopped when nobody needs it.

Invariants:
- What runs for one place (a destination, or what is inserted before it) runs for no other, so that no state of a
  module leads from one to another.
- Another version, and the same that was deployed again, takes over at once; the one before ends when its last run has.
- At most `processes` have a place. Who needs one takes that of the one that is idle for longest, or waits.
- What hung or ended its process at its last run takes no place but that of its like, and loses its own to others also
  while it runs: it ends beside them, two at once, which a run's limit bounds.
- What goes on ending its processes is answered at once while it is held back, and takes no place.
"""

import asyncio
import contextlib
from collections.abc import Coroutine
from functools import partial
from typing import Any, Self

import msgspec
import structlog

from penstock.functions.broker import Broker
from penstock.functions.health import Health, Held
from penstock.functions.instance import Instance, Program, Work
from penstock.functions.logs import LogQueue
from penstock.functions.outcome import Outcome, incomplete, no_process, too_many
from penstock.infra.http import OutboundClient, OutboundPolicy
from penstock.js.sandbox import Limits

logger = structlog.get_logger(__name__)

_CELLS = 2
_ENDING_AT_ONCE = 2
_LONG_SECONDS = 1.0
"""Of a run, when others wait for its place."""
_RETRY_SECONDS = 0.25
"""Whoever waits for a place looks so often for one whose runs have become long."""
_LOOK_SECONDS = 30.0


class FunctionSettings(msgspec.Struct, frozen=True):
    """The limits of all functions."""

    processes: int = 8
    megabytes: int = 256
    """Of each."""
    idle_seconds: float = 600.0
    pause_seconds: float = 60.0
    """Of the first pause of what goes on ending its processes."""


class HeldFunction(msgspec.Struct, frozen=True, rename="camel"):
    """One that is not started now, for the status."""

    function_id: str
    place: str
    seconds_left: int
    message: str


class FunctionPool:
    """Use as an async context manager."""

    def __init__(
        self, policy: OutboundPolicy, settings: FunctionSettings | None = None, logs: LogQueue | None = None
    ) -> None:
        self._settings = settings or FunctionSettings()
        self._logs = logs
        self._client = OutboundClient(policy)
        self.broker = Broker(self._client)
        self.limits = Limits(megabytes=self._settings.megabytes)
        self._cells = asyncio.Semaphore(_CELLS)
        self._instances: dict[str, Instance] = {}
        self._healths: dict[str, tuple[Program, Health]] = {}
        """By place; they outlive the instances."""
        self._ended = 0
        """Processes of instances that are gone."""
        self._room = asyncio.Condition()
        self._leaving: set[Instance] = set()
        """Those that serve nobody new, until they have ended."""
        self._side: set[asyncio.Task[Any]] = set()

    async def __aenter__(self) -> Self:
        self._beside(self._stop_idle())
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in self._side:
            task.cancel()
        await asyncio.gather(*self._side, return_exceptions=True)
        await asyncio.gather(*(instance.close() for instance in {*self._instances.values(), *self._leaving}))
        self._client.close()

    @property
    def standing(self) -> int:
        """Processes that serve."""
        return sum(instance.is_running for instance in self._instances.values())

    @property
    def started(self) -> int:
        """Processes since the beginning, those for one run alone among them."""
        return self._ended + sum(instance.started for instance in (*self._instances.values(), *self._leaving))

    def held(self) -> list[HeldFunction]:
        """Those that are held back now."""
        return [
            HeldFunction(program.function_id, place, round(health.seconds_left), held.message)
            for place, (program, health) in self._healths.items()
            if (held := health.held) is not None
        ]

    @property
    def pids(self) -> list[int]:
        """Of the processes that serve."""
        return [pid for instance in self._instances.values() if (pid := instance.pid)]

    async def run(self, place: str, program: Program, work: Work) -> Outcome:
        """Run one handler of what is used at a place. Whatever goes wrong is an outcome."""
        if (held := self._health(place, program).held) is not None:
            return no_process(held.message)  # its log was told when that began
        if lacking := program.lacking(work.settings):
            return self._logged(place, program, incomplete(lacking))
        instance = await self._instance(place, program, work.patience)
        if instance is None:
            return too_many()
        try:
            return self._logged(place, program, await instance.run(work))
        finally:
            async with self._room:
                self._room.notify_all()

    def _logged(self, place: str, program: Program, outcome: Outcome) -> Outcome:
        if self._logs is not None and program.function_id:
            self._logs.offer(place, program, outcome)
        return outcome

    async def handlers(self, place: str, program: Program, patience: float) -> frozenset[str]:
        """What the script has; nothing where that cannot be known now."""
        instance = await self._instance(place, program, patience)
        return frozenset() if instance is None else await instance.handlers()

    async def _instance(self, place: str, program: Program, patience: float) -> Instance | None:
        """None where there is no room for it in time."""
        known = self._instances.get(place)
        if known is not None and known.program == program:
            return known
        health = self._health(place, program)
        async with self._room:
            if not await self._wait_for_room(place, health, patience):
                return None
            if (known := self._instances.get(place)) is None or known.program != program:
                if known is not None:
                    self._retire(place)
                keeps_logs = self._logs is not None and bool(program.function_id)
                self._instances[place] = Instance(
                    program, self.broker.fetch, self.limits, self._cells, health, keeps_logs=keeps_logs
                )
            return self._instances[place]

    async def _wait_for_room(self, place: str, health: Health, patience: float) -> bool:
        until = asyncio.get_running_loop().time() + patience
        while not self._has_room(place, health):
            left = until - asyncio.get_running_loop().time()
            if left <= 0:
                return False
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(min(left, _RETRY_SECONDS)):
                    await self._room.wait()
        return True

    def _has_room(self, place: str, health: Health) -> bool:
        """Makes it, where another can go."""
        if place in self._instances or len(self._instances) < self._settings.processes:
            return True
        ranked = [
            (rank, one.last_used, name)
            for name, one in self._instances.items()
            if (rank := self._rank(one, self._healths[name][1])) is not None and (rank == 0 or not health.struggles)
        ]
        if not ranked:
            return False
        self._retire(min(ranked)[2])
        return True

    def _rank(self, one: Instance, health: Health) -> int | None:
        """Who goes first where there is no room; None for one that may stay."""
        if not one.in_use:
            return 0 if health.struggles else 2
        if len(self._leaving) >= _ENDING_AT_ONCE:
            return None
        if health.struggles:
            return 1
        return 3 if asyncio.get_running_loop().time() - one.last_used > _LONG_SECONDS else None

    def _health(self, place: str, program: Program) -> Health:
        known = self._healths.get(place)
        if known is not None and (known[0].code, known[0].deployed_at) == (program.code, program.deployed_at):
            return known[1]
        made = Health(partial(self._tell_held, place, program), self._settings.pause_seconds)
        self._healths[place] = program, made
        return made

    def _tell_held(self, place: str, program: Program, held: Held) -> None:
        logger.warning("A function is held back.", function=program.function_id, place=place, reason=held.message)
        if self._logs is not None and program.function_id:
            self._logs.offer(place, program, no_process(held.message))

    def _retire(self, place: str) -> None:
        instance = self._instances.pop(place)
        self._leaving.add(instance)
        self._beside(self._drain(instance))

    async def _drain(self, instance: Instance) -> None:
        """End it when its last run has; a run has an end."""
        await instance.idle.wait()
        await instance.close()
        self._leaving.discard(instance)
        self._ended += instance.started

    async def _stop_idle(self) -> None:
        while True:
            await asyncio.sleep(min(_LOOK_SECONDS, self._settings.idle_seconds))
            oldest = asyncio.get_running_loop().time() - self._settings.idle_seconds
            for place, instance in list(self._instances.items()):
                if not instance.in_use and instance.last_used <= oldest:
                    self._retire(place)
            for place in [place for place, (_, health) in self._healths.items() if health.is_spotless]:
                if place not in self._instances:
                    del self._healths[place]

    def _beside(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._side.add(task)
        task.add_done_callback(self._side.discard)
