import asyncio

import msgspec
import pytest

from penstock.infra.disk import DiskGauge, DiskWatch, Room, free_room, room
from penstock.kit.clock import SystemClock
from penstock.kit.settings import Settings
from penstock.spec.disk import REPORT_SUBJECT, DiskReport, Level

MEGABYTE = 1 << 20
SETTINGS = Settings(low_disk_megabytes=100, low_disk_percent=0, disk_seconds=0.02)
MARK = 100 * MEGABYTE


async def until(condition, seconds=30.0):
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.01)


class Disk:
    """The room that is found in the data directory and in an external store, as a test wants it."""

    def __init__(self, monkeypatch):
        self.directory = self.account = 10 * MARK
        monkeypatch.setattr(room, "free_room", lambda _: Room(self.directory, 100 * MARK))
        monkeypatch.setattr(room, "log_room", self._log_room)

    async def _log_room(self, _):
        return None if self.account is None else Room(self.account, 100 * MARK)


@pytest.fixture
def disk(monkeypatch):
    return Disk(monkeypatch)


class Engine:
    """A gauge at work."""

    def __init__(self, log, *, is_embedded=True):
        self.gauge = DiskGauge(SETTINGS, log, SystemClock(), is_embedded=is_embedded)
        self.heard = []
        self.gauge.listen(self.heard.append)
        self.running = asyncio.create_task(self.gauge.run())

    async def measures(self, times=1):
        heard = len(self.heard)
        await until(lambda: len(self.heard) >= heard + times)

    async def end(self):
        self.running.cancel()
        await asyncio.gather(self.running, return_exceptions=True)


async def tell(log, publisher, level):
    await log.publish_core(REPORT_SUBJECT, msgspec.msgpack.encode(DiskReport(publisher, level, 1, 2, 3)))


def test_room_is_that_of_the_file_system_that_will_hold_a_directory(tmp_path):
    found = free_room(str(tmp_path / "not" / "yet"))
    assert 0 < found.free <= found.total == free_room(str(tmp_path)).total


class TestGauge:
    @pytest.mark.parametrize(
        ("part", "level"), [(10, Level.PLENTY), (0.9, Level.LOW), (0.6, Level.SCARCE), (0.2, Level.FULL)]
    )
    async def test_it_finds_the_level_and_tells_who_listens(self, log, disk, part, level):
        disk.directory = round(part * MARK)
        engine = Engine(log)
        await engine.measures()
        await engine.end()
        assert engine.heard[0].level is level is engine.gauge.level
        assert engine.heard[0].free == disk.directory

    async def test_each_place_has_a_hysteresis_of_its_own(self, log, disk):
        disk.account = round(0.4 * MARK)
        engine = Engine(log, is_embedded=False)
        await engine.measures()
        assert engine.gauge.level is Level.FULL
        disk.directory = round(1.05 * MARK)  # would still be low if it had been
        disk.account = 10 * MARK
        await engine.measures(2)
        assert engine.gauge.level is Level.PLENTY
        await engine.end()

    async def test_a_full_directory_beside_an_external_engine_stops_this_engine_alone(self, log, disk):
        disk.directory, disk.account = 0, None
        heard = []

        async def hear(message):
            heard.append(message)

        subscription = await log.subscribe_core(REPORT_SUBJECT, hear)
        engine = Engine(log, is_embedded=False)
        await engine.measures(3)
        assert engine.gauge.level is Level.FULL
        assert not heard
        await engine.end()
        await subscription.close()


class TestWatch:
    @pytest.mark.parametrize("is_embedded", [True, False])
    async def test_it_knows_the_level_as_soon_as_it_is_open_and_that_it_is_over(self, log, disk, is_embedded):
        disk.directory = disk.account = round(0.2 * MARK)
        watch = await DiskWatch.open(log, SETTINGS, is_embedded=is_embedded)
        assert watch.reason(Level.FULL).startswith("the disk is low: ")
        assert watch.known.free == round(0.2 * MARK)
        disk.directory = disk.account = 5 * MARK
        await until(lambda: watch.worst is None)
        assert watch.reason(Level.LOW) == ""
        assert watch.known.free == 5 * MARK
        await watch.close()

    async def test_an_engine_that_died_of_the_full_disk_opens_nothing(self, log, disk):
        disk.directory = 0
        engine = Engine(log)
        watch = await DiskWatch.open(log, SETTINGS, is_embedded=True)
        await until(lambda: len(watch._reports) == 1)
        await engine.end()
        await until(lambda: not watch._reports)
        assert watch.reason(Level.FULL)
        await watch.close()

    async def test_where_it_cannot_see_the_store_it_believes_engines_for_as_long_as_they_speak(self, log, disk):
        disk.directory, disk.account = 0, None
        watch = await DiskWatch.open(log, SETTINGS, is_embedded=False)
        assert watch.worst is watch.known is None
        await tell(log, "a", Level.FULL)
        await until(lambda: watch.reason(Level.FULL))
        await until(lambda: watch.worst is None)
        await watch.close()

    async def test_a_look_that_fails_leaves_what_was_seen(self, log, disk, monkeypatch):
        disk.directory = 0
        watch = await DiskWatch.open(log, SETTINGS, is_embedded=True)
        looks = []

        def fail(_):
            looks.append(1)
            raise OSError("gone")

        monkeypatch.setattr(room, "free_room", fail)
        await until(lambda: len(looks) > 2)
        assert watch.reason(Level.FULL)
        await watch.close()

    async def test_the_worst_of_several_engines_counts(self, log, disk):
        watch = await DiskWatch.open(log, msgspec.structs.replace(SETTINGS, disk_seconds=1.0), is_embedded=True)
        await tell(log, "a", Level.FULL)
        await tell(log, "b", Level.LOW)
        await until(lambda: len(watch._reports) == 2)
        assert watch.worst.publisher == "a"
        await tell(log, "a", Level.PLENTY)
        await until(lambda: watch.worst.publisher == "b")
        assert watch.reason(Level.LOW)
        assert not watch.reason(Level.SCARCE)
        await watch.close()

    async def test_a_report_that_cannot_be_read_is_passed_over(self, log, disk):
        watch = await DiskWatch.open(log, SETTINGS, is_embedded=True)
        await log.publish_core(REPORT_SUBJECT, b"nonsense")
        await tell(log, "a", Level.LOW)
        await until(lambda: watch.worst)
        await watch.close()


async def test_the_account_of_an_embedded_engine_has_no_limit_of_its_own(log):
    used, limit = await log.storage()
    assert (used >= 0, limit) == (True, -1)
