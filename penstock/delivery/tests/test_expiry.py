"""What a destination does not read within the longest lag ends as expired: once each, counted, before it is purged."""

from collections.abc import AsyncIterator

import pytest

from penstock.infra.log import Log
from penstock.kit.clock import SystemClock
from penstock.kit.settings import Settings
from penstock.testing.outside import DELIVERED, SERVER_ERROR, Shard, destination, event, message_ids, until

FAST = Settings(
    window=20,
    retry_seconds=(0.05, 0.1),
    retry_jitter=0.0,
    settle_seconds=0.02,
    probe_seconds=0.2,
    retention_seconds=0.05,
)
DAY_MS = 86_400_000


class Later(SystemClock):
    """The machine's clock, until the test lets days pass."""

    def pass_days(self, days: int = 8) -> None:
        self._offset_ms += days * DAY_MS


@pytest.fixture
async def shard(nats_server) -> AsyncIterator[Shard]:
    log = await Log.connect(nats_server.url, token=nats_server.token)
    made = await Shard(log, FAST, Later()).make()
    yield made
    await made.kill()
    await log.close()


async def test_a_destination_that_was_dead_for_too_long_loses_what_is_too_old_and_gets_what_is_new(shard: Shard):
    is_dead = True
    shard.outside.answer = lambda attempt, _: SERVER_ERROR if is_dead and attempt.destination_id == "d" else DELIVERED
    shard.view.put(destination("d"))
    shard.view.put(destination("healthy"))
    engine = await shard.start()
    for frame in range(10):
        await shard.route(*map(event, message_ids(30, f"{frame}-")))
    await until(lambda: engine.status()["open_circuits"] == ["d"] and engine.status()["position"] == 10)
    # Read is not delivered: what still waits when the days pass is too old for the healthy one too.
    await until(lambda: sum(count for (to, *_), count in shard.outside.delivered.items() if to == "healthy") == 300)
    shard.clock.pass_days()
    await shard.ended(600)
    assert engine.status()["behind"] == 0
    totals = await shard.totals()
    assert totals["healthy", "SUCCESSFUL_DELIVERY", "successes.attempt.1"] == 300
    assert totals["d", "FAILED_DELIVERY", "EXPIRED"] > 200
    await until(lambda: engine.positions().routed == 11)
    is_dead = False
    shard.clock.pass_days(-8)  # the log's clock cannot be moved: what it stores now must be new
    await shard.route(event("new"))
    await shard.ended(602)
    finals = await shard.finals()
    assert (len(finals), set(finals.values())) == (602, {1})
    assert shard.outside.delivered["d", "s1", "new"] == 1


async def test_an_engine_that_was_down_for_too_long_delivers_what_is_new_alone(shard: Shard):
    shard.view.put(destination("d"))
    await shard.start()
    await shard.route(event("first"))
    await shard.ended(1)
    await shard.stop()
    for number in range(3):
        await shard.route(event(f"old{number}"))
    shard.clock.pass_days()
    await shard.start()
    await shard.route(event("new"))  # above what was too old at the start
    totals = await shard.ended(5)
    assert totals["d", "FAILED_DELIVERY", "EXPIRED"] == 3
    assert {key[2] for key in shard.outside.delivered} == {"first", "new"}
    assert not await shard.written("quarantine.>")


async def test_a_clock_that_was_shifted_for_a_test_expires_nothing(shard: Shard):
    shard.settings = Settings(clock_offset_hours=192.0, settle_seconds=0.02)
    shard.view.put(destination("d"))
    await shard.route(event("m"))
    shard.clock.pass_days()
    await shard.start()
    totals = await shard.ended(1)
    assert totals["d", "SUCCESSFUL_DELIVERY", "successes.attempt.1"] == 1
