"""Ingest: single events and batches, beside a server that does nothing and one that only commits, in the same run."""

import asyncio
import base64
import itertools
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
import uvloop

from bench.report import Figure, at_least
from penstock.infra.log import Log, StreamSpec
from penstock.infra.log.installation import ensure_streams
from penstock.infra.log.server import EmbeddedServer
from penstock.infra.snapshots import SnapshotStore
from penstock.kit.ids import write_key
from penstock.kit.ports import free_port
from penstock.spec.snapshot import SnapshotKind, SourceSnapshot
from penstock.spec.streams import SNAPSHOTS

ROUNDS = 5
SECONDS = 1.5
WARM_UP_SECONDS = 0.5
BATCH = 100
BATCH_CONNECTIONS = 16
GENERATOR_LIMIT = 0.9
"""Share of a core above which the load generator, not the server, is what was measured."""
SERVERS = {
    "edge": "penstock.processes.edge",
    "bare": "bench.ingest_bare",
    "commit": "bench.ingest_commit",
}


class Load(msgspec.Struct, frozen=True):
    """What one run gave: answers per second, middle and slowest hundredth (s), the generator's share of a core."""

    rate: float
    p50: float
    p99: float
    generator: float


class Client(asyncio.Protocol):
    """One connection that sends the next request as soon as the one before is answered."""

    def __init__(self, requests: Iterator[bytes], latencies: list[float]) -> None:
        self._requests = requests
        self._latencies = latencies
        self._sent = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        self._send()

    def _send(self) -> None:
        self._sent = time.perf_counter()
        self._transport.write(next(self._requests))  # type: ignore[attr-defined]

    def data_received(self, data: bytes) -> None:
        # The answers are small and come in one piece.
        assert data.startswith(b"HTTP/1.1 200") and data.endswith(b"}"), data
        self._latencies.append(time.perf_counter() - self._sent)
        self._send()


def event(number: int) -> dict[str, object]:
    return {
        "type": "track",
        "event": "Order Completed",
        "userId": f"u-{number}",
        "messageId": f"bench-{number:08}",
        "timestamp": "2030-01-02T10:00:00.000Z",
        "context": {"library": {"name": "analytics-python", "version": "2.3.4"}, "locale": "en-US"},
        "properties": {"total": 12.5, "currency": "EUR", "products": [{"sku": "a", "quantity": 2}], "coupon": None},
    }


def request(path: str, key: str, value: object) -> bytes:
    body = json.dumps(value).encode()
    token = base64.b64encode(f"{key}:".encode()).decode()
    head = (
        f"POST {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Basic {token}\r\nContent-Type: application/json\r\n"
        f"User-Agent: analytics-python/2.3.4\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


async def load(port: int, connections: int, requests: Iterator[bytes]) -> Load:
    latencies: list[float] = []
    loop = asyncio.get_running_loop()
    made = [
        await loop.create_connection(lambda: Client(requests, latencies), "127.0.0.1", port) for _ in range(connections)
    ]
    await asyncio.sleep(WARM_UP_SECONDS)
    latencies.clear()
    cpu, started = time.process_time(), time.perf_counter()
    await asyncio.sleep(SECONDS)
    seconds = time.perf_counter() - started
    share = (time.process_time() - cpu) / seconds
    found = sorted(latencies)
    for transport, _ in made:
        transport.abort()
    await asyncio.sleep(0.05)
    return Load(len(found) / seconds, found[len(found) // 2], found[int(len(found) * 0.99)], share)


@asynccontextmanager
async def servers(folder: Path, key: str) -> AsyncIterator[dict[str, int]]:
    """The log engine and the three servers; their ports."""
    engine = EmbeddedServer(folder / "nats")
    await engine.start()
    log = await Log.connect(engine.url, token=engine.token, name="bench")
    await ensure_streams(log, 1)
    await log.ensure_stream(StreamSpec("BARE", ("bare.*",)))
    source = SourceSnapshot("source", "workspace", 1, "bench", "Bench", True, [key], 0, "bench")
    await SnapshotStore(await log.bucket(SNAPSHOTS)).publish(SnapshotKind.SOURCE, source)
    ports = {name: free_port() for name in SERVERS}
    processes = [
        subprocess.Popen([sys.executable, "-m", module], env=edge_environment(engine, ports[name]))
        for name, module in SERVERS.items()
    ]
    try:
        for port in ports.values():
            await listening(port)
        yield ports
    finally:
        for process in processes:
            process.terminate()
        for process in processes:
            process.wait(15)
        await log.close()
        await engine.kill()


def edge_environment(engine: EmbeddedServer, port: int) -> dict[str, str]:
    settings = {"NATS_URL": engine.url, "NATS_TOKEN": engine.token, "PORT": str(port)}
    return {**os.environ, **{f"PENSTOCK_{name}": value for name, value in settings.items()}}


async def listening(port: int) -> None:
    deadline = time.monotonic() + 20
    while True:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            assert time.monotonic() < deadline, f"nobody listens on {port}"
            await asyncio.sleep(0.05)
        else:
            writer.close()
            return


async def measure() -> dict[str, list[Load]]:
    key = write_key()
    single = itertools.repeat(request("/v1/track", key, event(1)))
    batch = itertools.repeat(request("/v1/batch", key, {"batch": [event(number) for number in range(BATCH)]}))
    found: dict[str, list[Load]] = {}
    with tempfile.TemporaryDirectory() as folder:
        async with servers(Path(folder), key) as ports:
            for _ in range(ROUNDS):
                for connections in (64, 256):
                    for name, port in ports.items():
                        found.setdefault(f"{name} {connections}", []).append(await load(port, connections, single))
                found.setdefault("batch", []).append(await load(ports["edge"], BATCH_CONNECTIONS, batch))
    return found


def run() -> list[Figure]:
    found = uvloop.run(measure())
    rate = {name: statistics.median(load.rate for load in loads) for name, loads in found.items()}
    p99 = {name: statistics.median(load.p99 for load in loads) * 1000 for name, loads in found.items()}
    busiest = {name: max(load.generator for load in loads) for name, loads in found.items()}
    figures = [
        Figure(
            f"single events, {name}",
            rate[name],
            "events/s",
            note=f"p99 {p99[name]:.0f} ms; {_generator(busiest[name])}",
        )
        for name in rate
        if name != "batch"
    ]
    note = f"p99 {p99['batch']:.0f} ms; {_generator(busiest['batch'])}"
    figures.append(Figure("batches of 100, edge 16", rate["batch"] * BATCH, "events/s", note=note))
    for connections, aim in ((64, 0.45), (256, 0.55)):
        edge = rate[f"edge {connections}"]
        figures += [
            at_least(f"edge : bare server, {connections}", edge / rate[f"bare {connections}"], 0.30, "", f"aim {aim}"),
            at_least(f"edge : bare group commit, {connections}", edge / rate[f"commit {connections}"], 0.75, ""),
        ]
    figures.append(at_least("batched : single, 64", rate["batch"] * BATCH / rate["edge 64"], 6, "", "aim 10"))
    return figures if max(busiest.values()) <= GENERATOR_LIMIT else [voided(figure) for figure in figures]


def voided(figure: Figure) -> Figure:
    """Whatever it says: no budget holds by a run that measured the load generator."""
    return figure if figure.is_within is None else msgspec.structs.replace(figure, is_within=False, note="VOID")


def _generator(share: float) -> str:
    return f"generator {share:.0%} of a core" + (" VOID: it is the limit" if share > GENERATOR_LIMIT else "")
