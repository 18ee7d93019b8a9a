"""One destination is never in the way of another, and one that cannot keep up loses nothing and holds nothing."""

import asyncio

import msgspec
import pytest

from penstock.infra.log import Log
from penstock.kit.settings import Settings
from penstock.spec import delivery
from penstock.testing.outside import (
    DELIVERED,
    SERVER_ERROR,
    THROTTLED,
    Shard,
    destination,
    event,
    message_ids,
    subscription,
    until,
)

FAST = Settings(
    retry_seconds=(0.1, 0.2, 0.2, 0.2, 0.2, 0.2, 0.2, 0.2, 0.2),
    settle_seconds=0.05,
    probe_seconds=0.3,
    attempt_seconds=30.0,
    drain_seconds=1.0,
)


async def test_a_dead_destination_that_heals_gets_all_of_ten_thousand_events(log: Log):
    shard = await Shard(log, FAST).make()
    is_dead = True
    shard.outside.is_recording = False
    shard.outside.answer = lambda attempt, _: (
        SERVER_ERROR if is_dead and attempt.destination_id == "dead" else DELIVERED
    )
    shard.view.put(destination("dead"))
    shard.view.put(destination("healthy"))
    await shard.start()
    for frame in range(100):
        await shard.route(*(event(name, event="e") for name in message_ids(100, f"{frame}-")))
    await until(lambda: shard.engine.status()["outcomes"].get("SUCCESSFUL_DELIVERY", 0) >= 10_000)
    await until(lambda: shard.engine.status()["open_circuits"] == ["dead"])
    await asyncio.sleep(2 * FAST.settle_seconds)
    status = shard.engine.status()
    assert status["position"] == 100
    assert status["behind"] == 1
    assert status["window"] <= 64
    head = delivery.settled_decoder.frame((await shard.written("settled"))[-1].payload)[0]
    assert [one.destination_id for one in head.behind] == ["dead"]
    assert shard.engine.positions().routed < 100
    is_dead = False
    peak = 0

    async def all_arrived() -> bool:
        nonlocal peak
        peak = max(peak, shard.engine.status()["window"])
        return shard.engine.status()["outcomes"].get("SUCCESSFUL_DELIVERY", 0) >= 20_000

    await until(all_arrived, seconds=60)
    await shard.stop()
    assert peak <= FAST.window + 64
    delivered = [key for key in shard.outside.delivered if key[0] == "dead"]
    assert len(delivered) == 10_000
    totals = await shard.totals()
    finals = sum(
        count for (who, outcome, _), count in totals.items() if (who, outcome) == ("dead", "SUCCESSFUL_DELIVERY")
    )
    assert finals == 10_000
    assert shard.engine.positions().routed == 101


async def test_a_destination_that_is_behind_survives_a_kill(log: Log):
    shard = await Shard(log, msgspec.structs.replace(FAST, window=20)).make()
    is_dead = True
    shard.outside.answer = lambda *_: SERVER_ERROR if is_dead else DELIVERED
    shard.view.put(destination("d"))
    await shard.start()
    for frame in range(10):
        await shard.route(*map(event, message_ids(30, f"{frame}-")))
    await until(lambda: shard.engine.status()["open_circuits"] == ["d"])
    await shard.kill()
    await shard.start()
    is_dead = False
    await shard.ended(300)
    await shard.stop()
    finals = await shard.finals()
    assert (len(finals), set(finals.values())) == (300, {1})


async def test_hanging_destinations_do_not_slow_a_healthy_one(log: Log):
    shard = await Shard(log, FAST).make()
    forever = asyncio.Event()

    async def hang():
        await forever.wait()
        return DELIVERED

    shard.outside.answer = lambda attempt, _: hang() if attempt.destination_id.startswith("hanging") else DELIVERED
    for number in range(30):
        shard.view.put(destination(f"hanging{number}"))
    shard.view.put(destination("healthy"))
    await shard.start()
    for frame in range(15):
        await shard.route(*map(event, message_ids(200, f"{frame}-")))
    # To wait for each of 90,000 attempts that hang would take hours.
    await until(lambda: sum(shard.outside.delivered.values()) == 3_000, seconds=60)
    assert shard.engine.status()["window"] <= FAST.window_total
    forever.set()
    await shard.kill()


async def test_one_that_comes_after_those_that_hang_finds_room(log: Log):
    """Each that hangs takes all that it may before the next one comes."""
    shard = await Shard(log, FAST).make()
    forever = asyncio.Event()
    shard.outside.answer = lambda attempt, _: DELIVERED if attempt.destination_id == "healthy" else forever.wait()
    await shard.route(*map(event, message_ids(100)))
    await shard.start()
    for number in range(30):
        before = shard.engine.status()["in_flight"]
        shard.view.put(destination(f"hanging{number}"))
        await until(lambda before=before: shard.engine.status()["in_flight"] > before)
        await asyncio.sleep(0)
    shard.view.put(destination("healthy"))
    await until(lambda: sum(shard.outside.delivered.values()) == 100)
    await shard.kill()


async def test_a_full_window_total_lets_destinations_fall_behind_and_catch_up(log: Log):
    shard = await Shard(log, msgspec.structs.replace(FAST, window=50, window_total=60)).make()
    for number in range(8):
        shard.view.put(destination(f"d{number}"))
    await shard.start()
    for frame in range(5):
        await shard.route(*map(event, message_ids(40, f"{frame}-")))
    await shard.ended(1600)
    await shard.stop()
    finals = await shard.finals()
    assert (len(finals), set(finals.values())) == (1600, {1})


async def test_a_429_slows_down_and_opens_no_circuit(log: Log):
    shard = await Shard(log, FAST).make()
    shard.outside.answer = lambda *_: THROTTLED if sum(shard.outside.asked.values()) <= 20 else DELIVERED
    shard.view.put(destination("d"))
    await shard.start()
    await shard.route(*map(event, message_ids(40)))
    await until(lambda: sum(shard.outside.asked.values()) >= 20)
    assert shard.engine.status()["open_circuits"] == []
    await shard.ended(40)
    await shard.kill()


async def test_an_open_circuit_lets_one_probe_pass_at_a_time(log: Log):
    shard = await Shard(log, msgspec.structs.replace(FAST, circuit_failures=3, probe_seconds=0.2)).make()
    shard.outside.answer = lambda *_: SERVER_ERROR
    shard.view.put(destination("d"))
    await shard.start()
    await shard.route(event("m0"), event("m1"), event("m2"))
    await until(lambda: shard.engine.status()["open_circuits"] == ["d"])
    await shard.route(*map(event, message_ids(200, "later")))
    before = len(shard.outside.times)
    await asyncio.sleep(1.1)
    assert 3 <= len(shard.outside.times) - before <= 6
    await shard.kill()


async def test_a_disabled_destination_is_left_at_once_and_its_waiting_events_are_named(log: Log):
    shard = await Shard(log, FAST).make()
    release = asyncio.Event()

    async def wait():
        await release.wait()
        return DELIVERED

    shard.outside.answer = lambda *_: wait()
    shard.view.put(destination("d"))
    await shard.start()
    await shard.route(*map(event, message_ids(100)))
    await until(lambda: sum(shard.outside.asked.values()) == 64)
    shard.view.change("d", enabled=False)
    await until(lambda: shard.engine.status()["outcomes"].get("FILTERED_AT_DESTINATION", 0) == 36)
    release.set()
    totals = await shard.ended(100)
    assert totals == {
        ("d", "FILTERED_AT_DESTINATION", "DESTINATION_DISABLED"): 36,
        ("d", "SUCCESSFUL_DELIVERY", "successes.attempt.1"): 64,
    }
    await shard.stop()


async def test_a_destination_disabled_while_nobody_ran_ends_what_was_open(log: Log):
    shard = await Shard(log, FAST).make()
    forever = asyncio.Event()

    async def hang():
        await forever.wait()
        return DELIVERED

    shard.outside.answer = lambda _, message_id: hang() if message_id == "m0" else DELIVERED
    shard.view.put(destination("d", subscription("s1")))
    await shard.start()
    await shard.route(event("m0"), event("m1"))
    await shard.ended(1)
    await shard.kill()
    shard.view.change("d", enabled=False)
    await shard.start()
    await shard.ended(2)
    await shard.stop()
    assert (await shard.totals())["d", "FILTERED_AT_DESTINATION", "DESTINATION_DISABLED"] == 1


@pytest.mark.parametrize("purged", [3, 10])
async def test_frames_purged_before_they_were_read_are_counted_and_passed_over(log: Log, purged: int):
    shard = await Shard(log, FAST).make()
    await shard.start()
    await shard.route(event("first"))
    await until(lambda: shard.engine.status()["position"] == 1)
    await shard.stop()
    for number in range(purged):
        await shard.route(event(f"lost{number}"))
    last = await shard.route(event("kept"))
    await log.purge(f"ROUTED-{shard.number}", below=last)
    shard.view.put(destination("d"))
    await shard.start()
    await until(lambda: shard.engine.status()["position"] == last)
    assert shard.engine.status()["frames_lost"] == purged
    await shard.ended(1)
    await shard.stop()
