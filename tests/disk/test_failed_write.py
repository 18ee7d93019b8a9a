"""A write that failed is seen by what the log engine answers: on a full disk its log has no room for the line."""

import os

import pytest

from penstock.infra.log import Log, LogTimeout
from penstock.infra.log.installation import ensure_streams
from penstock.infra.log.server import EmbeddedServer
from tests.disk.small_disk import small_disk

PAGE = 4096
SUBJECT = "accepted.0.w"


@pytest.fixture
def disk(tmp_path):
    with small_disk(tmp_path / "disk", 48) as disk:
        yield disk


async def test_it_is_seen_though_it_could_not_be_logged_and_a_new_start_mends_it(disk):
    server = EmbeddedServer(disk.folder / "nats")
    await server.start()
    log = await Log.connect(server.url, token=server.token)
    await ensure_streams(log, 1)
    stored = await log.append(SUBJECT, os.urandom(100_000))
    with server.log_file.open("ab") as file:
        file.write(b"\n" * (-server.log_file.stat().st_size % PAGE))
    disk.leave(0)
    with pytest.raises(LogTimeout):
        await log.append(SUBJECT, os.urandom(100_000), timeout=1)
    assert b"write error" not in server.log_file.read_bytes()
    assert not await server.is_healthy()
    disk.make_room()
    assert not await server.is_healthy()
    await server.kill()
    await server.start()
    assert await server.is_healthy()
    await log.wait_connected(5)
    assert await log.append(SUBJECT, b"x") == stored + 1
    await log.close()
    await server.stop()
