"""The log goes away and comes back, the configuration changes, the engine stops: nothing is lost or counted twice."""

import asyncio

import msgspec
import pytest

from penstock.infra.log import Log
from penstock.infra.log.server import EmbeddedServer
from penstock.infra.snapshots import SnapshotStore, SnapshotView
from penstock.kit.clock import SystemClock
from penstock.kit.settings import Settings
from penstock.spec import delivery
from penstock.spec.snapshot import SnapshotKind
from penstock.spec.streams import SNAPSHOTS
from penstock.testing.outside import (
    DELIVERED,
    SERVER_ERROR,
    Shard,
    destination,
    event,
    message_ids,
    until,
)

FAST = Settings(
    retry_seconds=(0.05, 0.1, 0.1, 0.1), settle_seconds=0.02, probe_seconds=0.1, drain_seconds=2.0, attempt_seconds=30
)


async def test_a_kill_of_the_log_engine_loses_and_repeats_no_outcome(own_nats_server: EmbeddedServer):
    log = await Log.connect(own_nats_server.url, token=own_nats_server.token)
    shard = await Shard(log, FAST).make("file")

    async def soon():
        await asyncio.sleep(0.005)
        return SERVER_ERROR if shard.outside.asked.total() % 5 == 0 else DELIVERED

    shard.outside.answer = lambda *_: soon()
    shard.view.put(destination("d1"))
    shard.view.put(destination("d2"))
    for frame in range(5):
        await shard.route(*map(event, message_ids(100, f"{frame}-")))
    await shard.start()
    for _ in range(2):
        await until(lambda: shard.engine.status()["in_flight"] > 0)
        await own_nats_server.kill()
        await own_nats_server.start()
        await log.wait_connected(10)
    await shard.ended(1_000)
    await shard.stop()
    finals = await shard.finals()
    assert (len(finals), set(finals.values())) == (1_000, {1})
    await log.close()


async def test_the_real_view_makes_changes_and_removes_destinations(log: Log):
    view = await SnapshotView.open(log)
    store = SnapshotStore(await log.bucket(SNAPSHOTS))
    shard = await Shard(log, FAST).make()
    shard.view = view
    await shard.start()
    made = destination("d", created_at=shard.clock.now_ms())
    await store.publish(SnapshotKind.DESTINATION, made)
    await shard.route(event("m1"))
    await shard.ended(1)
    await store.bury(SnapshotKind.DESTINATION, "w", "d", 2)
    await until(lambda: shard.engine.status()["destinations"] == 0)
    await shard.route(event("m2"))
    await until(lambda: shard.engine.status()["position"] == 2)
    await shard.stop()
    assert await shard.finals() == {("d", "s1", "m1"): 1}
    await view.close()


async def test_an_event_sent_right_after_the_destination_was_made_is_delivered(log: Log):
    shard = await Shard(log, FAST).make()
    await shard.start()
    for number in range(20):
        shard.view.put(destination(f"d{number}", source_id=f"s{number}", created_at=shard.clock.now_ms()))
        await shard.route(event(f"m{number}"), source=f"s{number}")
    await shard.ended(20)
    await shard.stop()
    assert len(await shard.finals()) == 20


async def test_a_stop_waits_for_what_is_in_flight_and_settles_it(log: Log):
    shard = await Shard(log, FAST).make()

    async def soon():
        await asyncio.sleep(0.3)
        return DELIVERED

    shard.outside.answer = lambda *_: soon()
    shard.view.put(destination("d"))
    await shard.start()
    await shard.route(*map(event, message_ids(10)))
    await until(lambda: shard.engine.status()["in_flight"] == 10)
    await shard.stop()
    assert sum((await shard.finals()).values()) == 10
    assert shard.engine.positions().routed == 2


async def test_positions_tell_what_a_kill_would_read_again(log: Log):
    shard = await Shard(log, FAST).make()
    forever = asyncio.Event()

    async def hang():
        await forever.wait()
        return DELIVERED

    shard.outside.answer = lambda _, message_id: hang() if message_id == "hangs" else DELIVERED
    shard.view.put(destination("d"))
    await shard.start()
    await shard.route(event("first"))
    await shard.route(event("hangs"))
    await shard.route(event("last"))
    await shard.ended(2)
    assert shard.engine.positions().routed == 2
    assert len(shard.engine.positions().retries) == len(FAST.retry_seconds)
    await shard.kill()


async def test_members_are_written_when_they_change(log: Log):
    shard = await Shard(log, FAST).make()
    shard.view.put(destination("d1"))
    await shard.start()
    await shard.route(event("m1"))
    await shard.ended(1)
    await shard.route(event("m2"))
    await shard.ended(2)
    shard.view.put(destination("d2", created_at=5))
    await until(lambda: shard.engine.status()["destinations"] == 2)
    await shard.route(event("m3"))
    await shard.ended(4 + 2)
    written = [delivery.members_decoder.frame(one.payload)[0].members for one in await shard.written("members")]
    assert [[(one.destination_id, one.since) for one in members] for members in written] == [
        [("d1", 1)],
        [("d1", 1), ("d2", 5)],
    ]
    await shard.stop()


async def test_a_position_without_endings_is_settled_too(log: Log):
    shard = await Shard(log, FAST).make()
    await shard.start()
    await shard.route(event("m"), source="nobody")
    await until(lambda: shard.engine.positions().routed == 2)
    await shard.kill()


@pytest.mark.parametrize("payload", [b"", b"PSTK", b"nonsense" * 10])
async def test_a_routed_frame_that_cannot_be_read_is_an_alarm_and_passed_over(log: Log, payload: bytes):
    shard = await Shard(log, FAST).make()
    shard.view.put(destination("d"))
    await shard.start()
    await log.append(f"routed.{shard.number}", payload)
    await shard.route(event("m"))
    await shard.ended(1)
    assert shard.engine.status()["frames_lost"] == 1
    await shard.stop()


async def test_fewer_rungs_in_the_settings_leave_no_retry_behind(log: Log):
    shard = await Shard(log, FAST).make()
    shard.outside.answer = lambda *_: SERVER_ERROR
    shard.view.put(destination("d"))
    await shard.start()
    await shard.route(event("m"))
    await until(lambda: shard.outside.asked.total() == 3)
    await until(lambda: _has(shard, "retry.2"))
    await shard.kill()
    shard.settings = Settings(retry_seconds=(0.05,), settle_seconds=0.02)
    shard.outside.answer = lambda *_: DELIVERED
    await shard.start()
    await shard.ended(1)
    await shard.stop()


async def _has(shard: Shard, subject: str) -> bool:
    return bool(await shard.written(subject))


async def test_a_stop_ends_although_the_configuration_changes_meanwhile(log: Log):
    shard = await Shard(log, FAST).make()
    await shard.start()
    await shard.route(event("m"))
    stopping = asyncio.create_task(shard.stop())
    number = 0
    async with asyncio.timeout(60):
        while not stopping.done():
            shard.view.put(destination(f"d{number}", created_at=number + 1))
            number += 1
            await asyncio.sleep(0)
    await stopping
    assert shard.failure is None


async def test_what_was_settled_before_a_stop_is_not_asked_again(log: Log):
    shard = await Shard(log, FAST).make()
    shard.view.put(destination("d"))
    await shard.start()
    await shard.route(*map(event, message_ids(50)))
    await shard.ended(50)
    await shard.stop()
    await shard.start()
    await shard.route(event("next"))
    await shard.ended(51)
    await shard.stop()
    assert set(shard.outside.asked.values()) == {1}


async def test_a_retry_does_not_wait_for_a_clock_that_was_set_back(log: Log):
    class Adjusted(SystemClock):
        def set_back(self) -> None:
            self._offset_ms -= 86_400_000

    shard = await Shard(log, FAST, Adjusted()).make()
    answers = iter([SERVER_ERROR, SERVER_ERROR, DELIVERED])
    shard.outside.answer = lambda *_: next(answers)
    shard.settings = msgspec.structs.replace(FAST, retry_seconds=(0.3, 0.3))
    shard.view.put(destination("d"))
    await shard.start()
    await shard.route(event("m"))

    async def is_stored() -> bool:
        return bool(await shard.written("retry.0"))

    await until(is_stored)
    shard.clock.set_back()
    totals = await shard.ended(1)
    assert totals["d", "SUCCESSFUL_DELIVERY", "successes.attempt.3"] == 1
    await shard.stop()
