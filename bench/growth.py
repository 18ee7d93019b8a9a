"""Growth of the edge: 10 and 10,000 sources, 1 to 1,024 connections, in interleaved runs on two edges.

CPU per event is the claim: rates share two cores with the load.
"""

import itertools
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import msgspec
import uvloop

from bench.footprint import cpu_seconds, pss_megabytes
from bench.ingest import GENERATOR_LIMIT, SECONDS, WARM_UP_SECONDS, Load, edge_environment, event, listening, load
from bench.ingest import request as request_for
from bench.report import Figure, at_most
from penstock.infra.log import Log
from penstock.infra.log.installation import ensure_streams
from penstock.infra.log.server import EmbeddedServer
from penstock.infra.snapshots import SnapshotStore
from penstock.kit.ids import write_key
from penstock.kit.ports import free_port
from penstock.spec.snapshot import SnapshotKind, SourceSnapshot
from penstock.spec.streams import SNAPSHOTS

ROUNDS = 6
SOURCES = (10, 10_000)
CONNECTIONS = (1, 64, 1024)


class Edge(msgspec.Struct, frozen=True):
    """A running edge, and what its start took."""

    port: int
    pid: int
    requests: list[bytes]
    start_seconds: float
    megabytes: float


class Run(msgspec.Struct, frozen=True):
    load: Load
    cpu_microseconds: float
    """Of the edge, per event."""


@asynccontextmanager
async def edge_of(sources: int, folder: Path) -> AsyncIterator[Edge]:
    engine = EmbeddedServer(folder / str(sources))
    await engine.start()
    log = await Log.connect(engine.url, token=engine.token, name="bench")
    await ensure_streams(log, 1)
    keys = [write_key() for _ in range(sources)]
    store = SnapshotStore(await log.bucket(SNAPSHOTS))
    for number, key in enumerate(keys):
        name = f"source-{number}"
        await store.publish(SnapshotKind.SOURCE, SourceSnapshot(name, "workspace", 1, name, name, True, [key], 0, name))
    port, started = free_port(), time.monotonic()
    process = subprocess.Popen([sys.executable, "-m", "penstock.processes.edge"], env=edge_environment(engine, port))
    try:
        await listening(port)
        seconds = time.monotonic() - started
        requests = [request_for("/v1/track", key, event(number)) for number, key in enumerate(keys)]
        yield Edge(port, process.pid, requests, seconds, pss_megabytes([process.pid]))
    finally:
        process.terminate()
        process.wait(15)
        await log.close()
        await engine.kill()


async def run_load(edge: Edge, connections: int) -> Run:
    before = cpu_seconds([edge.pid])
    found = await load(edge.port, connections, itertools.cycle(edge.requests))
    events = found.rate * (SECONDS + WARM_UP_SECONDS)
    return Run(found, (cpu_seconds([edge.pid]) - before) / events * 1e6)


async def measure() -> tuple[dict[int, Edge], dict[tuple[int, int], list[Run]]]:
    runs: dict[tuple[int, int], list[Run]] = {}
    with tempfile.TemporaryDirectory() as folder:
        async with AsyncExitStack() as stack:
            edges = {count: await stack.enter_async_context(edge_of(count, Path(folder))) for count in SOURCES}
            for number, connections in itertools.product(range(ROUNDS), CONNECTIONS):
                # In turn: whatever slows the machine down meanwhile slows either down as often.
                for count in SOURCES if number % 2 else reversed(SOURCES):
                    runs.setdefault((count, connections), []).append(await run_load(edges[count], connections))
    return edges, runs


def run() -> list[Figure]:
    edges, runs = uvloop.run(measure())
    figures = [
        Figure(
            f"edge, {count:,} sources, {connections:,} connections",
            statistics.median(run.load.rate for run in found),
            "events/s",
            note=_note(found),
        )
        for (count, connections), found in runs.items()
    ]
    few, many = SOURCES
    for connections in CONNECTIONS:
        pairs = zip(runs[many, connections], runs[few, connections], strict=True)
        ratio = statistics.median(one.cpu_microseconds / other.cpu_microseconds for one, other in pairs)
        name = f"CPU per event, {many:,} : {few} sources, {connections:,}"
        figures.append(at_most(name, ratio, 1.25, "", "median of pairs"))
    for count, edge in edges.items():
        figures.append(Figure(f"edge's start, {count:,} sources", edge.start_seconds, "s"))
        figures.append(Figure(f"edge's memory, {count:,} sources", edge.megabytes, "MB"))
    return figures


def _cpu(runs: list[Run]) -> float:
    return statistics.median(run.cpu_microseconds for run in runs)


def _note(runs: list[Run]) -> str:
    p50 = statistics.median(run.load.p50 for run in runs) * 1000
    p99 = statistics.median(run.load.p99 for run in runs) * 1000
    busiest = max(run.load.generator for run in runs)
    void = " VOID: the generator is the limit" if busiest > GENERATOR_LIMIT else ""
    return f"p50 {p50:.1f} ms, p99 {p99:.1f} ms; {_cpu(runs):.0f} us of CPU per event{void}"
