"""When the log engine is started again, and how much it may store then. The disk is as large as a test says."""

import asyncio
import json

import pytest

from penstock.infra.disk import Room
from penstock.infra.log import Log, LogFull, StreamSpec
from penstock.infra.log.server import EmbeddedServer
from penstock.kit.settings import Settings
from penstock.processes import revival
from penstock.processes.revival import revive, storage_limit

MEGABYTE = 1 << 20


class Disk:
    def __init__(self):
        self.room = Room(1_000 * MEGABYTE, 2_000 * MEGABYTE)

    def leave(self, megabytes):
        self.room = Room(megabytes * MEGABYTE, self.room.total)


@pytest.fixture
def disk(monkeypatch):
    disk = Disk()
    monkeypatch.setattr(revival, "free_room", lambda _: disk.room)
    monkeypatch.setattr(revival, "LOOK_SECONDS", 0.02)
    return disk


@pytest.fixture
def settings(tmp_path):
    return Settings(data=str(tmp_path), low_disk_megabytes=100, low_disk_percent=0)


class Pretended:
    """A log engine of which a test says how it is; `kill` is counted."""

    def __init__(self):
        self.is_started = self.healthy = True
        self.stored, self.limit = 0, 1_000 * MEGABYTE
        self.looks = self.kills = 0

    async def is_healthy(self):
        self.looks += 1
        return self.healthy

    async def storage(self):
        return self.stored, self.limit

    async def kill(self):
        self.kills += 1
        self.is_started = False


@pytest.fixture
async def server(settings, disk):
    server = Pretended()
    reviving = asyncio.create_task(revive(server, settings))
    yield server
    reviving.cancel()


async def until(condition, seconds=30.0):
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.01)


async def some_looks(server):
    looks = server.looks
    await until(lambda: server.looks > looks + 4)


class TestLimit:
    def test_it_leaves_a_reserve_that_nothing_fills(self, settings, disk):
        assert storage_limit(settings) == 975 * MEGABYTE

    def test_what_is_stored_already_counts(self, settings, disk, tmp_path):
        (tmp_path / "nats" / "jetstream").mkdir(parents=True)
        (tmp_path / "nats" / "jetstream" / "1.blk").write_bytes(bytes(MEGABYTE))
        assert storage_limit(settings) == 976 * MEGABYTE

    @pytest.mark.parametrize(("free", "limit"), [(30, 30), (0, 0), (80, 64), (100, 75)])
    def test_on_a_low_disk_it_is_no_more_than_what_is_free(self, settings, disk, free, limit):
        disk.leave(free)
        assert storage_limit(settings) == limit * MEGABYTE


class TestRevival:
    async def test_one_that_is_off_is_ended_once_there_is_room(self, server, disk):
        disk.leave(10)
        server.healthy = False
        await some_looks(server)
        assert not server.kills
        disk.leave(1_000)
        await until(lambda: server.kills)
        assert server.kills == 1

    async def test_one_that_starts_is_left_alone(self, server):
        server.is_started = server.healthy = False
        looks = server.looks
        await asyncio.sleep(0.2)
        assert (server.looks, server.kills) == (looks, 0)

    async def test_one_that_is_found_off_once_is_left_alone(self, server):
        server.healthy = False
        looks = server.looks
        await until(lambda: server.looks == looks + 1)
        server.healthy = True
        await some_looks(server)
        assert not server.kills

    async def test_one_that_nears_a_limit_of_a_fuller_disk_is_ended(self, server):
        server.limit = 64 * MEGABYTE
        await until(lambda: server.kills)

    async def test_a_look_that_fails_is_not_the_last(self, server, disk, monkeypatch):
        room, looks = revival.free_room, []

        def fail(_):
            looks.append(1)
            raise FileNotFoundError("gone")

        monkeypatch.setattr(revival, "free_room", fail)
        server.healthy = False
        await until(lambda: len(looks) > 2)
        assert not server.kills
        monkeypatch.setattr(revival, "free_room", room)
        await until(lambda: server.kills)

    async def test_one_whose_limit_a_new_start_would_hardly_raise_is_left_alone(self, server):
        server.limit = server.stored = 900 * MEGABYTE
        await some_looks(server)
        assert not server.kills


async def test_a_real_one_that_started_on_a_full_disk_takes_more_when_there_is_room(settings, disk, tmp_path):
    disk.leave(8)
    server = EmbeddedServer(tmp_path / "nats", storage_limit=lambda: storage_limit(settings))
    await server.start()
    assert (await server.storage())[1] == 8 * MEGABYTE
    log = await Log.connect(server.url, token=server.token)
    await log.ensure_stream(StreamSpec("S", ("s.>",)))
    with pytest.raises(LogFull):
        for _ in range(9):
            await log.append("s.a", bytes(MEGABYTE))
    reviving = asyncio.create_task(revive(server, settings))
    disk.leave(1_000)
    await asyncio.wait_for(server.wait(), 60)
    await server.start()
    await log.wait_connected(10)
    assert await log.append("s.a", bytes(MEGABYTE))
    reviving.cancel()
    await log.close()
    await server.kill()


class TestAnswers:
    """What the monitoring port may say."""

    async def answered(self, tmp_path, answer):
        async def speak(_, writer):
            writer.write(answer)
            writer.close()
            await writer.wait_closed()

        server = EmbeddedServer(tmp_path / "nats")
        listening = await asyncio.start_server(speak, "127.0.0.1", server.monitoring_port)
        try:
            return await server.is_healthy(), await server.storage()
        finally:
            listening.close()

    @pytest.mark.parametrize("body", [b"", b"{", b"[]", json.dumps({"config": {}}).encode()])
    async def test_what_is_no_answer_of_a_log_engine_is_none(self, tmp_path, body):
        answer = b"HTTP/1.0 200 OK\r\n\r\n" + body
        assert (await self.answered(tmp_path, answer))[1] is None

    async def test_one_that_says_nothing_for_too_long_is_not_healthy(self, tmp_path, monkeypatch):
        monkeypatch.setattr("penstock.infra.log.server.ANSWER_SECONDS", 0.1)
        gone = asyncio.Event()

        async def say_nothing(reader, writer):
            await reader.read()
            writer.close()
            await writer.wait_closed()
            gone.set()

        server = EmbeddedServer(tmp_path / "nats")
        listening = await asyncio.start_server(say_nothing, "127.0.0.1", server.monitoring_port)
        assert not await server.is_healthy()
        listening.close()
        async with asyncio.timeout(60):
            await gone.wait()
