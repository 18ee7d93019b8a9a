import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest_asyncio

from penstock.infra.log import Log
from penstock.infra.log.installation import ensure_streams
from penstock.infra.log.server import EmbeddedServer
from penstock.infra.snapshots import SnapshotStore
from penstock.kit.ports import free_port
from penstock.spec.accepted import decoder
from penstock.spec.snapshot import SnapshotKind, SourceSnapshot
from penstock.spec.streams import SNAPSHOTS, accepted

KEY = "knownKEY0123456789abcdefghijklmn"


class RunningEdge:
    """A real edge process on a free port, and the log that it writes."""

    def __init__(self, server: EmbeddedServer, log_url: str, environment: dict[str, str]) -> None:
        self.server = server
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.key = KEY
        self._environment = {
            **os.environ,
            "PENSTOCK_NATS_URL": log_url,
            "PENSTOCK_NATS_TOKEN": server.token,
            "PENSTOCK_PORT": str(self.port),
            **environment,
        }

    async def start(self) -> None:
        self.process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "penstock.processes.edge", env=self._environment
        )
        async with asyncio.timeout(60):
            while self.process.returncode is None:
                try:
                    _, writer = await asyncio.open_connection("127.0.0.1", self.port)
                except OSError:
                    await asyncio.sleep(0.02)
                else:
                    writer.close()
                    return
        raise AssertionError("the edge ended at once")

    async def stop(self) -> int:
        if self.process.returncode is None:
            self.process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(60):
            return await self.process.wait()

    async def post(self, path, body, headers=None, *, key=KEY):
        auth = httpx.BasicAuth(key, "") if key is not None else None
        async with httpx.AsyncClient(base_url=self.url, timeout=60) as client:
            if isinstance(body, (dict, list)):
                return await client.post(path, json=body, headers=headers, auth=auth)
            return await client.post(path, content=body, headers=headers, auth=auth)

    async def frames(self, log: Log, start: int = 1, shard: int = 0):
        """(message, head, body) of each frame from a sequence on."""
        found = []
        while batch := await log.get_batch(accepted(shard), start):
            start = batch[-1].sequence + 1
            found += [(message, *decoder.frame(message.payload)) for message in batch]
        return found

    async def events_of(self, log: Log, start: int = 1, shard: int = 0):
        """(record, row, raw event) of each event from a sequence on."""
        found = []
        for _, head, body in await self.frames(log, start, shard):
            found += [
                (head.requests[row.request], row, bytes(body[row.offset : row.offset + row.length]))
                for row in head.rows
            ]
        return found

    async def next_sequence(self, log: Log, shard: int = 0) -> int:
        return (await log.state(accepted(shard))).last + 1

    def resident_megabytes(self) -> float:
        lines = Path(f"/proc/{self.process.pid}/status").read_text().splitlines()
        return int(next(line for line in lines if line.startswith("VmRSS:")).split()[1]) / 1024


async def prepare(server: EmbeddedServer, shards: int = 1) -> None:
    log = await Log.connect(server.url, token=server.token, name="prepare")
    await ensure_streams(log, shards)
    source = SourceSnapshot("source-1", "workspace-1", 1, "shop", "Shop", True, [KEY], 0, "shop")
    await SnapshotStore(await log.bucket(SNAPSHOTS)).publish(SnapshotKind.SOURCE, source)
    await log.close()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def edge(nats_server: EmbeddedServer) -> AsyncIterator[RunningEdge]:
    """One edge for a module, on one shard."""
    await prepare(nats_server)
    running = RunningEdge(nats_server, nats_server.url, {})
    await running.start()
    yield running
    await running.stop()


@pytest_asyncio.fixture
async def start_edge(own_nats_server: EmbeddedServer):
    """Starts edges with settings of a test's own, on a log engine of its own."""
    running: list[RunningEdge] = []

    async def start(environment=None, log_url="", shards=1) -> RunningEdge:
        await prepare(own_nats_server, shards)
        variables = {"PENSTOCK_SHARDS": str(shards), **(environment or {})}
        edge = RunningEdge(own_nats_server, log_url or own_nats_server.url, variables)
        running.append(edge)
        await edge.start()
        return edge

    yield start
    for edge in running:
        await edge.stop()
