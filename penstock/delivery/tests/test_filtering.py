"""Filters in a running engine: what is dropped is counted, what is taken out stays out, through retries and kills."""

import asyncio
import json

from penstock.infra.log import Log
from penstock.kit.settings import Settings
from penstock.spec import delivery
from penstock.spec.snapshot import DestinationFilterSnapshot, FilterActionSnapshot
from penstock.testing.outside import DELIVERED, SERVER_ERROR, Shard, destination, event, message_ids, until

FAST = Settings(retry_seconds=(0.05, 0.1), settle_seconds=0.02, drain_seconds=2.0, attempt_seconds=30)


def one_filter(condition: str, action: str, **fields: list[str]) -> list[DestinationFilterSnapshot]:
    return [DestinationFilterSnapshot("f", condition, [FilterActionSnapshot(action, fields)])]


def secretive(message_id: str) -> dict:
    return event(message_id, properties={"email": "kim@example.com", "total": 1})


def bodies(shard: Shard, destination_id: str = "d") -> list[dict]:
    """What went out, in order of the attempts."""
    return [json.loads(one.events[0]) for one in shard.outside.attempts if one.destination_id == destination_id]


async def test_what_is_dropped_is_counted_and_other_destinations_get_it(log: Log):
    shard = await Shard(log, FAST).make()
    shard.view.put(destination("d", filters=one_filter("event = 'a'", "DROP")))
    shard.view.put(destination("other"))
    await shard.start()
    await shard.route(event("a"), event("b"))
    totals = await shard.ended(4)
    assert totals["d", "FILTERED_AT_DESTINATION", "FILTERED_BY_RULES"] == 1
    assert {key[2] for key in shard.outside.delivered} == {"a", "b"}
    assert [one["messageId"] for one in bodies(shard)] == ["b"]
    await shard.stop()


async def test_a_changed_filter_acts_on_what_is_read_from_then_on(log: Log):
    shard = await Shard(log, FAST).make()
    shard.view.put(destination("d"))
    await shard.start()
    await shard.route(secretive("a"))
    await shard.ended(1)
    shard.view.change("d", version=2, filters=one_filter("all", "DROP_PROPERTIES", properties=["email"]))
    await shard.route(secretive("b"))
    await shard.ended(2)
    shard.view.change("d", version=3, filters=[])
    await shard.route(secretive("c"))
    await shard.ended(3)
    assert ["email" in one["properties"] for one in bodies(shard)] == [True, False, True]
    await shard.stop()


async def test_a_retry_carries_what_the_filters_left_and_passes_a_filter_that_came_later(log: Log):
    shard = await Shard(log, FAST).make()
    shard.view.put(destination("d", filters=one_filter("all", "DROP_PROPERTIES", properties=["email"])))

    def fail_once(*_):
        shard.view.change("d", version=2, filters=one_filter("all", "DROP"))
        return SERVER_ERROR if len(shard.outside.attempts) == 1 else DELIVERED

    shard.outside.answer = fail_once
    await shard.start()
    await shard.route(secretive("a"))
    totals = await shard.ended(1)
    assert totals["d", "SUCCESSFUL_DELIVERY", "successes.attempt.2"] == 1
    assert [one["properties"] for one in bodies(shard)] == [{"total": 1}] * 2
    await shard.stop()


async def hung(log: Log) -> Shard:
    """A shard that was killed with one event in flight, and remembers that."""
    shard = await Shard(log, FAST).make()
    shard.view.put(destination("d", filters=one_filter("all", "DROP_PROPERTIES", properties=["email"])))
    shard.outside.answer = lambda _, message_id: asyncio.sleep(60, DELIVERED) if message_id == "a" else DELIVERED
    await shard.start()
    await shard.route(secretive("a"), event("b"))
    await until(lambda: _is_open(shard))
    await shard.kill()
    shard.outside.answer = lambda *_: DELIVERED
    return shard


async def _is_open(shard: Shard) -> bool:
    settled = await shard.written("settled")
    return bool(settled) and bool(delivery.settled_decoder.frame(settled[-1].payload)[0].open)


async def test_what_was_in_flight_at_a_kill_goes_out_again_without_what_was_taken_out(log: Log):
    shard = await hung(log)
    await shard.start()
    await shard.ended(2)
    again = [one for one in bodies(shard) if one["messageId"] == "a"]
    assert [one["properties"] for one in again] == [{"total": 1}] * 2
    await shard.stop()


async def test_what_was_in_flight_at_a_kill_ends_where_a_filter_now_drops_it(log: Log):
    shard = await hung(log)
    shard.view.change("d", version=2, filters=one_filter("event = 'a'", "DROP"))
    await shard.start()
    totals = await shard.ended(2)
    assert totals["d", "FILTERED_AT_DESTINATION", "FILTERED_BY_RULES"] == 1
    assert set((await shard.finals()).values()) == {1}
    await shard.stop()


async def test_a_broken_filter_lets_nothing_out(log: Log):
    shard = await Shard(log, FAST).make()
    shard.view.put(destination("d", filters=one_filter("event =", "DROP_PROPERTIES")))
    await shard.start()
    await shard.route(event("a"), event("b"))
    assert (await shard.ended(2))["d", "FILTERED_AT_DESTINATION", "FILTERED_BY_RULES"] == 2
    assert not shard.outside.attempts
    await shard.stop()


async def test_what_was_dropped_behind_events_that_wait_is_counted_once_around_a_kill(log: Log):
    """What waits untouched may be read again after a kill, but not together with what had its outcome."""
    shard = await Shard(log, FAST).make()
    shard.view.put(destination("d", filters=one_filter("event = 'drop'", "DROP")))
    shard.outside.answer = lambda *_: asyncio.sleep(60, DELIVERED)
    await shard.start()
    waiting = message_ids(300)
    await shard.route(*map(event, waiting), event("drop"), event("last"))
    await shard.ended(1)
    assert len(shard.outside.attempts) < 300
    await shard.kill()
    shard.outside.answer = lambda *_: DELIVERED
    await shard.start()
    totals = await shard.ended(302)
    assert totals["d", "FILTERED_AT_DESTINATION", "FILTERED_BY_RULES"] == 1
    assert (await shard.finals()) == {("d", "s1", name): 1 for name in (*waiting, "last")} | {("d", "", "drop"): 1}
    await shard.stop()
