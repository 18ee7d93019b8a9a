"""What a full store says, and that a log at rest stays at rest."""

import asyncio

import pytest

from penstock.infra.log import Log, LogFull, StreamSpec
from penstock.infra.log.server import EmbeddedServer, ServerError
from penstock.kit.ports import free_port
from penstock.testing.endless import take


@pytest.fixture
async def small(tmp_path):
    server = EmbeddedServer(tmp_path / "nats", storage_limit=lambda: 8 << 20)
    await server.start()
    log = await Log.connect(server.url, token=server.token)
    await log.ensure_stream(StreamSpec("S", ("s.>",)))
    yield log
    await log.close()
    await server.kill()


async def fill(log):
    stored = 0
    with pytest.raises(LogFull):
        while stored < 20:
            await log.append("s.a", bytes(1 << 20))
            stored += 1
    return stored


async def test_a_full_store_is_told_and_what_was_stored_stays(small):
    stored = await fill(small)
    assert 5 <= stored <= 8
    assert (await small.state("S")).messages == stored
    assert len(await take(small.read("S", 1), stored)) == stored


async def test_a_batch_into_a_full_store_leaves_nothing(small):
    stored = await fill(small)
    with pytest.raises(LogFull):
        await small.append_batch([("s.a", bytes(1 << 20)), ("s.b", bytes(1 << 20)), ("s.c", bytes(1 << 20))])
    assert (await small.state("S")).messages == stored


async def test_after_a_purge_there_is_room_again(small):
    stored = await fill(small)
    await small.purge("S", below=stored)
    assert await small.append("s.a", bytes(1 << 20)) == stored + 1


async def test_readers_at_rest_exchange_nothing(own_nats_server):
    log = await Log.connect(own_nats_server.url, token=own_nats_server.token)
    await log.ensure_stream(StreamSpec("S", ("s.>",), storage="memory"))
    readers = [asyncio.create_task(anext(log.read("S", 1))) for _ in range(10)]
    client = log._link.connection._client
    async with asyncio.timeout(30):
        while (await log.state("S")) and client.stats["out_msgs"] < 20:
            await asyncio.sleep(0.02)
    await asyncio.sleep(0.2)
    before = dict(client.stats)
    await asyncio.sleep(1.0)
    after = dict(client.stats)
    assert after["out_msgs"] == before["out_msgs"]
    assert after["in_msgs"] - before["in_msgs"] <= 10  # a heartbeat of each, at most
    await log.append("s.a", b"x")
    assert {message.sequence for message in await asyncio.gather(*readers)} == {1}
    await log.close()


async def test_one_of_several_addresses_is_enough(own_nats_server):
    urls = f"nats://127.0.0.1:{free_port()},{own_nats_server.url}"
    log = await Log.connect(urls, token=own_nats_server.token, seconds=5)
    assert log.is_connected
    await log.close()


async def test_closing_and_killing_twice_is_harmless(tmp_path):
    server = EmbeddedServer(tmp_path / "nats")
    with pytest.raises(ServerError):
        await server.wait()
    await server.stop()
    await server.start()
    log = await Log.connect(server.url, token=server.token)
    await log.close()
    await log.close()
    await server.kill()
    await server.kill()
    await server.stop()
    assert await server.wait() != 0
