"""Delivery: a healthy destination beside a dead one; events per second into a webhook on loopback, and with a function.

Real log with fsync, real runner, official webhook code. Latency is from the append of ROUTED to the arrival.
"""

import asyncio
import json
import statistics
import tempfile
import time
from pathlib import Path

import msgspec

from bench.report import Figure, at_most
from penstock.delivery.functions import FunctionAttempter
from penstock.delivery.runner import RunnerAttempter
from penstock.functions.pool import FunctionPool
from penstock.infra.http import OutboundPolicy
from penstock.infra.log import Log
from penstock.infra.log.server import EmbeddedServer
from penstock.js import RunnerPool
from penstock.kit.settings import Settings
from penstock.spec.snapshot import DestinationSnapshot, FunctionSnapshot, InsertionSnapshot, SubscriptionSnapshot
from penstock.testing.outside import PlainSealer, Shard, destination, event, until
from penstock.testing.receiver import Received, Receiver, Reply

_WEBHOOK = "614a3c7d791c91c41bae7599"
_RATE = 150
_SECONDS = 6
_ROUNDS = 3
_EVENTS = 4_000
_UNUSED_PORT = 9
"""Discard: nothing listens there."""
_INSERTED = FunctionSnapshot(
    "f", "w", 1, "F", "INSERT_DESTINATION", "const onTrack = (event) => ({ ...event, by: 'f' })"
)


def run() -> list[Figure]:
    with tempfile.TemporaryDirectory() as directory:
        return asyncio.run(_run(Path(directory)))


async def _run(directory: Path) -> list[Figure]:
    server = EmbeddedServer(directory)
    await server.start()
    try:
        async with RunnerPool(OutboundPolicy()) as pool:
            log = await Log.connect(server.url, token=server.token)
            figures = [await _beside(log, pool), *await _throughput(log, pool)]
            await log.close()
            return figures
    finally:
        await server.kill()


async def _beside(log: Log, pool: RunnerPool) -> Figure:
    """Interleaved rounds of one healthy destination alone, and beside a dead one; medians."""
    await _p99(log, pool, with_dead=False)  # warm
    alone, beside = [], []
    for _ in range(_ROUNDS):
        alone.append(await _p99(log, pool, with_dead=False))
        beside.append(await _p99(log, pool, with_dead=True))
    ratio = statistics.median(beside) / statistics.median(alone)
    note = f"{statistics.median(beside) * 1000:.1f} ms beside, {statistics.median(alone) * 1000:.1f} ms alone"
    return at_most("p99 of a healthy destination beside a dead one", ratio, 2.0, "x", note)


async def _p99(log: Log, pool: RunnerPool, *, with_dead: bool) -> float:
    arrived: dict[str, float] = {}

    def answer(request: Received) -> Reply:
        arrived[request.json()["messageId"]] = time.monotonic()
        return Reply()

    shard = await Shard(log, Settings()).make("file")
    shard.outside = RunnerAttempter(pool)  # type: ignore[assignment]
    routed: dict[str, float] = {}
    with Receiver(answer) as receiver:
        shard.view.put(_webhook("healthy", receiver.url))
        if with_dead:
            shard.view.put(_webhook("dead", f"http://127.0.0.1:{_UNUSED_PORT}"))
        await shard.start()
        await _send(shard, routed)
        await until(lambda: len(arrived) == len(routed), seconds=60)
        await shard.kill()
    latencies = sorted(arrived[message_id] - routed[message_id] for message_id in routed)
    return latencies[len(latencies) * 99 // 100]


async def _send(shard: Shard, routed: dict[str, float]) -> None:
    started = time.monotonic()
    for number in range(_RATE * _SECONDS):
        await asyncio.sleep(max(0.0, started + number / _RATE - time.monotonic()))
        routed[f"m{number}"] = time.monotonic()
        await shard.route(event(f"m{number}", event="Bench"))


async def _throughput(log: Log, pool: RunnerPool) -> list[Figure]:
    batch: dict[str, object] = {"enable_batching": True, "batch_size": 100}
    async with FunctionPool(OutboundPolicy()) as functions:
        single = await _events_per_second(log, pool, functions, {})
        inserted = await _events_per_second(log, pool, functions, {}, has_insertion=True)
        batched = await _events_per_second(log, pool, functions, batch)
    ratio = f"{inserted / single:.2f} of those without"
    return [
        Figure("events delivered to a webhook", single, "events/s"),
        Figure("events that pass an insert function before it", inserted, "events/s", note=ratio),
        Figure("events delivered in batches of 100", batched, "events/s"),
    ]


async def _events_per_second(
    log: Log, pool: RunnerPool, functions: FunctionPool, mapping: dict[str, object], *, has_insertion: bool = False
) -> float:
    shard = await Shard(log, Settings()).make("file")
    shard.outside = FunctionAttempter(RunnerAttempter(pool), functions, shard.view, PlainSealer())  # type: ignore[assignment]
    shard.view.functions["f"] = _INSERTED
    for frame in range(0, _EVENTS, 200):
        await shard.route(*(event(f"m{frame + number}", event="Bench") for number in range(200)))
    with Receiver() as receiver:
        webhook = _webhook("d", receiver.url, **mapping)
        shard.view.put(msgspec.structs.replace(webhook, insertion=InsertionSnapshot("f") if has_insertion else None))
        started = time.monotonic()
        engine = await shard.start()
        await until(lambda: engine.status()["outcomes"].get("SUCCESSFUL_DELIVERY", 0) >= _EVENTS, seconds=120)
        seconds = time.monotonic() - started
        await shard.stop()
    return _EVENTS / seconds


def _webhook(identifier: str, url: str, **mapping: object) -> DestinationSnapshot:
    fields = {"url": url, "method": "POST", "data": {"@path": "$."}, **mapping}
    subscription = SubscriptionSnapshot("s", "s", "send", 'type = "track"', json.dumps(fields).encode(), True)
    return destination(identifier, subscription, metadata_id=_WEBHOOK)
