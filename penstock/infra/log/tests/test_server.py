"""The embedded server: what it refuses, and that it never outlives its parent."""

import asyncio
import json
import os
import signal
import stat
import sys

import pytest

from penstock.infra.log import Log, LogRefused, LogUnavailable
from penstock.infra.log.installation import check_server, ensure_streams
from penstock.infra.log.server import EmbeddedServer, PortTakenError, ServerError, _check_version
from penstock.kit.ports import free_port


async def test_it_syncs_always_and_keeps_its_secrets(own_nats_server):
    configuration = own_nats_server.directory / "nats.conf"
    assert stat.S_IMODE(configuration.stat().st_mode) == 0o600
    assert json.loads(configuration.read_text())["jetstream"]["sync_interval"] == "always"
    assert own_nats_server.token not in (own_nats_server.log_file).read_text()
    assert await own_nats_server.is_healthy()


async def test_a_server_that_does_not_sync_always_is_refused(tmp_path):
    server = EmbeddedServer(tmp_path / "nats", sync="2m")
    with pytest.raises(ServerError, match="sync_always"):
        await server.start()
    with pytest.raises(ServerError, match="not running"):
        _ = server.pid


async def test_a_wrong_token_is_refused_at_once(own_nats_server):
    with pytest.raises(LogRefused):
        await Log.connect(own_nats_server.url, token="wrong")
    with pytest.raises(LogRefused):
        await Log.connect(own_nats_server.url)


async def test_a_server_that_is_not_there_is_unavailable_when_time_is_over():
    with pytest.raises(LogUnavailable):
        await Log.connect(f"nats://127.0.0.1:{free_port()}", seconds=0.3)


async def test_a_connection_waits_for_a_server_that_starts_later(tmp_path):
    server = EmbeddedServer(tmp_path / "nats")
    connecting = asyncio.create_task(Log.connect(server.url, token=server.token, seconds=10))
    await asyncio.sleep(0.2)
    await server.start()
    log = await connecting
    check_server(log)
    await log.close()
    await server.kill()


async def test_it_keeps_address_and_data_over_a_restart(tmp_path):
    server = EmbeddedServer(tmp_path / "nats", storage_limit=lambda: 1 << 30)
    await server.start()
    url = server.url
    log = await Log.connect(url, token=server.token)
    await ensure_streams(log, 2)
    await log.append("routed.1", b"x")
    await server.stop()
    assert not await server.is_healthy()
    await server.start()
    assert server.url == url
    await log.wait_connected(3)
    assert (await log.last("ROUTED-1", "routed.1")).payload == b"x"
    await log.close()
    await server.stop()


async def test_a_port_that_is_taken_is_told(own_nats_server, tmp_path):
    second = EmbeddedServer(tmp_path / "second", port=own_nats_server.port)
    with pytest.raises(PortTakenError):
        await second.start()


async def test_a_version_without_atomic_batches_is_refused(tmp_path):
    old = tmp_path / "nats-server"
    old.write_text("#!/bin/sh\necho 'nats-server: v2.11.9'\n")
    old.chmod(0o700)
    with pytest.raises(ServerError, match=r"2\.11\.9"):
        await _check_version(str(old))


PARENT = """
import asyncio, sys
from pathlib import Path
from penstock.infra.log.server import EmbeddedServer

async def main():
    server = EmbeddedServer(Path(sys.argv[1]))
    await server.start()
    print(server.pid, flush=True)
    await server.wait()

asyncio.run(main())
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel of Linux does it")
async def test_it_dies_when_its_parent_is_killed(tmp_path):
    parent = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", PARENT, str(tmp_path / "nats")), stdout=asyncio.subprocess.PIPE
    )
    lines = [await parent.stdout.readline() for _ in range(2)]
    pid = int(next(line for line in lines if line.strip().isdigit()))
    os.kill(pid, 0)
    parent.send_signal(signal.SIGKILL)
    await parent.wait()
    async with asyncio.timeout(30):
        while is_running(pid):
            await asyncio.sleep(0.01)


def is_running(pid):
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False
