"""What functions of users cost: a call on the host and in the sandbox, a cold start, and neighbours that are hostile.

Load at a pace is offered whether what came before is answered or not, and a latency counts from when a call was due.
The generator runs in the process of the host; what it takes itself is measured without it, told, and taken off.
"""

import asyncio
import json
import statistics
import time
from collections.abc import Awaitable, Callable
from functools import partial

from bench.hostile import attempt_all
from bench.report import Figure, at_least, at_most
from penstock.functions.instance import Instance, Program, Work
from penstock.functions.pool import FunctionPool
from penstock.infra.http import OutboundPolicy
from penstock.js.sandbox import Limits
from penstock.js.sandbox.usage import usage_of

_PLAIN = Program("DESTINATION", "const onTrack = (event, settings) => ({ ...event, by: settings.by })")
_WITH_MODULE = Program("DESTINATION", "const onTrack = (event) => _.omit(event, 'x')")
_HANGS = Program("DESTINATION", "const onTrack = () => { for (;;); }")
_EVENT = json.dumps({"type": "track", "event": "Order Completed", "properties": {"text": "x" * 600}}).encode()
_WORK = Work("onTrack", _EVENT, b'{"by":"me"}', patience=60)
_CALLS = 5_000
_AT_ONCE = 10
_STARTS = 10
_PACE, _PACED_SECONDS = 1_000, 8
_NEIGHBOUR_PACE, _ALONE_SECONDS = 100, 8
_RATIO = 10
"""Each attempt in turn holds one of two cores, and starts processes."""


def run() -> list[Figure]:
    return asyncio.run(_measured())


async def _measured() -> list[Figure]:
    cold, module = await _cold_start(_PLAIN), await _cold_start(_WITH_MODULE)
    rate, host, sandbox = await _calls()
    alone, beside = await _beside_one_that_hangs()
    return [
        Figure("cold start of a function", cold, "ms"),
        Figure("cold start with its first use of a module", module, "ms"),
        Figure("calls of one function", rate, "calls/s", note=f"{_AT_ONCE} at once, events of {len(_EVENT)} bytes"),
        at_most("CPU of the host per call", host, 400, "µs"),
        Figure("CPU of the sandbox per call", sandbox, "µs"),
        *await _at_a_pace(),
        Figure("p99 of a call, alone", alone, "ms"),
        Figure("p99 of a call while another function hangs", beside, "ms", note="they share two cores"),
        *await _beside_those_that_are_hostile(),
    ]


async def _nothing(_: object) -> dict[str, object]:
    return {}


async def _cold_start(program: Program) -> float:
    """Milliseconds until the first answer; the median of several."""
    taken = []
    for _ in range(_STARTS):
        instance = Instance(program, _nothing, Limits(), asyncio.Semaphore(1))
        began = time.perf_counter()
        await instance.run(_WORK)
        taken.append((time.perf_counter() - began) * 1000)
        await instance.close()
    return statistics.median(taken)


async def _calls() -> tuple[float, float, float]:
    """Calls per second, and microseconds of CPU per call here and in the process."""
    async with FunctionPool(OutboundPolicy()) as pool:
        await pool.run("a", _PLAIN, _WORK)
        (pid,) = pool.pids
        before, cpu, began = usage_of(pid), time.process_time(), time.perf_counter()
        await _in_turns(pool, "a", _CALLS)
        seconds = time.perf_counter() - began
        host = (time.process_time() - cpu) / _CALLS * 1e6
        sandbox = (usage_of(pid).cpu_seconds - before.cpu_seconds) / _CALLS * 1e6
        return _CALLS / seconds, host, sandbox


async def _at_a_pace() -> list[Figure]:
    """What 1,000 calls a second cost the host."""
    count = _PACE * _PACED_SECONDS
    generator = await _cpu_of(_paced(_nobody, _PACE, _PACED_SECONDS)) / count * 1e6
    async with FunctionPool(OutboundPolicy()) as pool:
        await pool.run("a", _PLAIN, _WORK)
        began = time.perf_counter()
        both = await _cpu_of(_paced(partial(pool.run, "a", _PLAIN, _WORK), _PACE, _PACED_SECONDS)) / count * 1e6
        rate = count / (time.perf_counter() - began)
    return [
        at_least("calls of one function at a pace of 1,000 a second", rate, 900, "calls/s"),
        at_most("CPU of the host per call at this pace", both - generator, 400, "µs"),
        Figure("CPU of the load generator per call", generator, "µs", note="not in the line above"),
    ]


async def _beside_those_that_are_hostile() -> list[Figure]:
    """The p99 of a function while every attempt of the test tree is made, beside its own before and after."""
    async with FunctionPool(OutboundPolicy(is_closed=True)) as pool:
        call = partial(pool.run, "a", _PLAIN, _WORK)
        await call()
        alone = await _paced(call, _NEIGHBOUR_PACE, _ALONE_SECONDS)
        attacks = asyncio.create_task(attempt_all(pool))
        cpu, began = time.process_time(), time.perf_counter()
        beside: list[float] = []
        while not attacks.done():
            beside += await _paced(call, _NEIGHBOUR_PACE, 1)
        host = (time.process_time() - cpu) / (time.perf_counter() - began) * 100
        alone += await _paced(call, _NEIGHBOUR_PACE, _ALONE_SECONDS)
        count, succeeded = await attacks
    at_rest, under = _p99(alone), _p99(beside)
    return [
        at_most(f"hostile functions that got out, of {count}", len(succeeded), 0, "", ", ".join(succeeded)),
        at_most(
            "p99 of a call beside them, to that alone",
            under / at_rest,
            _RATIO,
            "x",
            f"{under:.1f} and {at_rest:.1f} ms",
        ),
        Figure("CPU of the host meanwhile, with the generator's", host, "%", note=f"{_NEIGHBOUR_PACE} calls/s"),
    ]


async def _nobody() -> None:
    await asyncio.sleep(0)


async def _cpu_of(work: Awaitable[object]) -> float:
    """Seconds of this process."""
    before = time.process_time()
    await work
    return time.process_time() - before


async def _paced(call: Callable[[], Awaitable[object]], rate: int, seconds: int) -> list[float]:
    """Milliseconds from when each call was due until its answer."""
    began, taken = time.perf_counter(), []

    async def caller(due: float) -> None:
        await call()
        taken.append((time.perf_counter() - due) * 1000)

    async with asyncio.TaskGroup() as calls:
        for number in range(rate * seconds):
            due = began + number / rate
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            calls.create_task(caller(due))
    return taken


def _p99(taken: list[float]) -> float:
    return statistics.quantiles(taken, n=100)[-1]


async def _beside_one_that_hangs() -> tuple[float, float]:
    async with FunctionPool(OutboundPolicy()) as pool:
        await pool.run("a", _PLAIN, _WORK)
        alone = await _in_turns(pool, "a", 500)
        hanging = asyncio.create_task(pool.run("b", _HANGS, Work("onTrack", _EVENT, seconds=5)))
        await asyncio.sleep(0.5)
        beside = await _in_turns(pool, "a", 500)
        hanging.cancel()
        await asyncio.gather(hanging, return_exceptions=True)
        return alone, beside


async def _in_turns(pool: FunctionPool, place: str, count: int) -> float:
    """The 99th percentile of so many calls in milliseconds, as many at once as a destination starts."""
    taken: list[float] = []

    async def caller() -> None:
        while len(taken) < count:
            began = time.perf_counter()
            await pool.run(place, _PLAIN, _WORK)
            taken.append((time.perf_counter() - began) * 1000)

    await asyncio.gather(*(caller() for _ in range(_AT_ONCE)))
    return _p99(taken)
