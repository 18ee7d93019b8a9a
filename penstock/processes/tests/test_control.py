import asyncio
import os
import signal
import sys

import httpx
import pytest

from penstock.infra.log import Log, StreamSpec
from penstock.infra.snapshots import SnapshotView
from penstock.kit.ports import free_port
from penstock.processes.child import REFUSED_STATUS
from penstock.spec.streams import streams

HTTP_API = "iUM16Md8P2"


class Control:
    """The control process beside a log engine of the test's own."""

    def __init__(self, server, folder):
        self.port = free_port()
        self.faults = folder / "faults"
        self.faults.mkdir()
        self.environment = os.environ | {
            "PENSTOCK_DATA": str(folder),
            "PENSTOCK_NATS_URL": server.url,
            "PENSTOCK_NATS_TOKEN": server.token,
            "PENSTOCK_CONTROL_PORT": str(self.port),
            "PENSTOCK_LOCAL_TOKEN": "local",
            "PENSTOCK_FAULTS_DIR": str(self.faults),
            "PENSTOCK_LOG_FORMAT": "json",
        }
        self.process = None
        self.keys = {}

    async def start(self):
        command = (sys.executable, "-m", "penstock.processes.control")
        self.process = await asyncio.create_subprocess_exec(*command, env=self.environment)
        async with asyncio.timeout(60):
            while not self.keys:
                try:
                    self.keys = (await self.ask("GET", "/penstock/first-run", token="local")).json()
                except httpx.TransportError:
                    await asyncio.sleep(0.05)

    async def ask(self, method, path, body=None, token=None):
        headers = {"Authorization": f"Bearer {token or self.keys['token']}"}
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{self.port}", timeout=20) as client:
            return await client.request(method, path, json=body, headers=headers)

    async def end(self, number):
        if self.process is not None and self.process.returncode is None:
            self.process.send_signal(number)
            async with asyncio.timeout(20):
                return await self.process.wait()
        return None


@pytest.fixture
async def log(own_nats_server):
    connected = await Log.connect(own_nats_server.url, token=own_nats_server.token, name="test")
    for name, subjects in streams(1).items():
        await connected.ensure_stream(StreamSpec(name, subjects, storage="memory"))
    yield connected
    await connected.close()


@pytest.fixture
async def process(own_nats_server, log, tmp_path):
    made = Control(own_nats_server, tmp_path)
    await made.start()
    yield made
    await made.end(signal.SIGKILL)


async def test_it_serves_until_it_is_told_to_stop_and_a_second_start_finds_its_keys(process):
    first = process.keys
    made = await process.ask("POST", "/sources", {"slug": "shop", "metadataId": HTTP_API})
    assert made.status_code == 200
    assert await process.end(signal.SIGTERM) == 0
    process.keys = {}
    await process.start()
    assert process.keys == first
    source = (await process.ask("GET", f"/sources/{made.json()['data']['source']['id']}")).json()["data"]["source"]
    assert source == made.json()["data"]["source"]


async def test_another_key_than_the_database_was_sealed_with_is_refused_by_name(process):
    assert await process.end(signal.SIGTERM) == 0
    environment = process.environment | {"PENSTOCK_SECRET_KEY": "another"}
    command = (sys.executable, "-m", "penstock.processes.control")
    refused = await asyncio.create_subprocess_exec(*command, env=environment, stderr=asyncio.subprocess.PIPE)
    async with asyncio.timeout(60):
        _, told = await refused.communicate()
    assert refused.returncode == REFUSED_STATUS
    assert b"`secret_key`" in told
    assert b"Traceback" not in told


async def test_what_was_committed_and_not_published_at_a_kill_is_published_at_the_next_start(process, log):
    async with asyncio.timeout(20):
        while (await process.ask("GET", "/penstock/status", token="local")).json()["roles"][0]["state"] != "ready":
            await asyncio.sleep(0.05)
    (process.faults / "publisher.before_publish").write_text("stop")
    asked = asyncio.create_task(process.ask("POST", "/sources", {"slug": "shop", "metadataId": HTTP_API}))
    async with asyncio.timeout(20):
        while not list(process.faults.glob("publisher.before_publish.*")):
            await asyncio.sleep(0.02)
    await process.end(signal.SIGKILL)
    with pytest.raises(httpx.TransportError):
        await asked
    view = await SnapshotView.open(log)
    assert [each.slug for each in view.sources.values()] == ["my-first-source"]
    await process.start()
    async with asyncio.timeout(20):
        while len(view.sources) < 2:
            await asyncio.sleep(0.02)
    assert sorted(each.slug for each in view.sources.values()) == ["my-first-source", "shop"]
    await view.close()
