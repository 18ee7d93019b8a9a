"""Whatever fails, is killed and starts again: each (event, destination, subscription) ends exactly once in the counts."""

import asyncio
import contextlib
import random

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from penstock.delivery import scheduler
from penstock.delivery.attempt import Verdict
from penstock.delivery.reading.shared import YIELD_ROWS
from penstock.delivery.settling import settle
from penstock.delivery.settling.settle import ShardTaken
from penstock.infra.log import Log, LogTimeout
from penstock.infra.log.server import EmbeddedServer
from penstock.kit.settings import Settings
from penstock.spec import delivery
from penstock.testing.outside import (
    DELIVERED,
    NOT_SUBSCRIBED,
    REFUSED,
    SERVER_ERROR,
    THROTTLED,
    Shard,
    destination,
    event,
    message_ids,
    subscription,
    until,
)

TIGHT = Settings(
    window=6,
    window_total=10,
    behind_readers=1,
    retry_seconds=(0.01, 0.02, 0.02, 0.02, 0.02, 0.02),
    circuit_failures=4,
    circuit_minimum=10,
    probe_seconds=0.02,
    settle_seconds=0.005,
    settle_endings=4,
    batch_wait_seconds=0.01,
    attempt_seconds=0.5,
    drain_seconds=2.0,
)
VERDICTS = (DELIVERED, SERVER_ERROR, REFUSED, THROTTLED)


class KilledHere(Exception):
    """Stands for a SIGKILL at a fault point."""


def kill_at(monkeypatch: pytest.MonkeyPatch, name: str, after: int) -> None:
    """The engine that passes the fault point for the `after`th time ends there, once."""
    left = [after]

    def fault_point(passed: str) -> None:
        if passed == name:
            left[0] -= 1
            if left[0] == 0:
                raise KilledHere(passed)

    monkeypatch.setattr(scheduler, "fault_point", fault_point)
    monkeypatch.setattr(settle, "fault_point", fault_point)


@pytest.mark.parametrize("name", ["delivery.response_received", "delivery.batch_stored"])
@pytest.mark.parametrize("after", [1, 2, 3])
async def test_a_kill_in_a_gap_repeats_requests_at_most_and_counts_nothing_twice(
    log: Log, monkeypatch: pytest.MonkeyPatch, name: str, after: int
):
    shard = await Shard(log, TIGHT).make()
    shard.view.put(destination("d", subscription("s1"), subscription("s2")))
    kill_at(monkeypatch, name, after)
    await shard.start()
    for start in range(0, 40, 8):
        await shard.route(*map(event, message_ids(8, f"f{start}-")))
    await until(lambda: shard._running.done() or _all_ended(shard, 80))
    assert isinstance(shard.failure, KilledHere)
    await shard.start()
    await shard.ended(80)
    await shard.stop()
    finals = await shard.finals()
    assert len(finals) == 80
    assert set(finals.values()) == {1}
    repeated = sum(shard.outside.asked.values()) - 80
    assert repeated <= scheduler.IN_FLIGHT + TIGHT.window


async def _all_ended(shard: Shard, count: int) -> bool:
    return sum((await shard.finals()).values()) >= count


@pytest.mark.parametrize("is_stored", [True, False])
async def test_a_settling_without_an_answer_is_looked_up_and_counts_once(
    log: Log, monkeypatch: pytest.MonkeyPatch, is_stored: bool
):
    shard = await Shard(log, TIGHT).make()
    shard.view.put(destination("d"))
    real, calls = log.append_batch, [0]

    async def loses_every_second_answer(messages, **options):
        calls[0] += 1
        if calls[0] % 2 == 0:
            return await real(messages, **options)
        if is_stored:
            await real(messages, **options)
        raise LogTimeout("no answer")

    monkeypatch.setattr(log, "append_batch", loses_every_second_answer)
    await shard.start()
    await shard.route(*map(event, message_ids(30)))
    await shard.ended(30)
    await shard.stop()
    finals = await shard.finals()
    assert (len(finals), set(finals.values())) == (30, {1})


async def test_counts_are_exact_with_one_destination_that_fails_often_and_one_that_is_behind(log: Log):
    shard = await Shard(log, msgspec.structs.replace(TIGHT, window=50, window_total=200, circuit_failures=1000)).make()
    dice = random.Random(7)
    slow = asyncio.Semaphore(1)

    async def slowly():
        async with slow:
            await asyncio.sleep(0.001)
        return DELIVERED

    def answer(attempt, _):
        if attempt.destination_id == "failing":
            return SERVER_ERROR if dice.random() < 0.3 else DELIVERED
        return slowly()

    shard.outside.answer = answer
    shard.view.put(destination("failing"))
    shard.view.put(destination("behind"))
    await shard.start()
    for frame in range(10):
        await shard.route(*map(event, message_ids(50, f"{frame}-")))
    await until(lambda: shard.engine.status()["behind"] > 0)
    await shard.ended(1000)
    await shard.stop()
    finals = await shard.finals()
    assert (len(finals), set(finals.values())) == (1000, {1})


step = st.one_of(
    st.tuples(st.just("route"), st.integers(1, 12)),
    st.tuples(st.just("ask"), st.integers(1, 15)),
    st.tuples(st.just("kill"), st.just(0)),
    st.tuples(st.just("kill_in_gap"), st.integers(1, 6)),
    st.tuples(st.just("stop"), st.just(0)),
)


@settings(max_examples=settings().max_examples // 2, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(step, min_size=3, max_size=10), seed=st.integers(0, 1 << 16), failing=st.floats(0, 0.9))
def test_each_delivery_ends_exactly_once_whatever_happens(
    nats_server: EmbeddedServer, steps: list[tuple[str, int]], seed: int, failing: float
):
    with pytest.MonkeyPatch.context() as monkeypatch:
        asyncio.run(_scenario(nats_server, monkeypatch, steps, seed, failing))


async def _scenario(server: EmbeddedServer, monkeypatch, steps: list[tuple[str, int]], seed: int, failing: float):
    log = await Log.connect(server.url, token=server.token)
    shard = await Shard(log, TIGHT).make()
    dice = random.Random(seed)
    is_healed = False

    def answer(attempt, message_id):
        if not wants(attempt.subscription.id, message_id):
            return NOT_SUBSCRIBED
        if is_healed or dice.random() > failing:
            return DELIVERED
        return dice.choice(VERDICTS)

    shard.outside.answer = answer
    shard.view.put(destination("two", subscription("a"), subscription("b")))
    shard.view.put(destination("batch", subscription("c", enable_batching=True, batch_size=4)))
    routed = 0
    await shard.start()
    for kind, number in [*steps, ("kill", 0)]:
        match kind:
            case "route":
                await shard.route(*map(event, [f"m{routed + offset}" for offset in range(number)]))
                routed += number
            case "ask":
                wanted = sum(shard.outside.asked.values()) + number
                for _ in range(20):
                    if sum(shard.outside.asked.values()) >= wanted:
                        break
                    await asyncio.sleep(0.005)
            case "kill":
                await shard.kill()
                await shard.start()
            case "kill_in_gap":
                gap = ("delivery.response_received", "delivery.batch_stored")[number % 2]
                kill_at(monkeypatch, gap, number)
                await shard.route(event(f"m{routed}"))
                routed += 1
                await asyncio.sleep(0.03)
                await shard.kill()
                kill_at(monkeypatch, "", 0)
                await shard.start()
            case "stop":
                with contextlib.suppress(ShardTaken):
                    await shard.stop()
                await shard.start()
    is_healed = True
    expected = set()
    for number in range(routed):
        message_id = f"m{number}"
        wanted = [name for name in "ab" if wants(name, message_id)]
        expected |= {("two", name, message_id) for name in wanted or [""]}
        expected.add(("batch", "c" if wants("c", message_id) else "", message_id))
    await until(lambda: _covered(shard, expected))
    await shard.stop()
    finals = await shard.finals()
    assert all(count == 1 for count in finals.values()), finals
    # A mapping that was never asked because the circuit opened may end by name as not matching.
    assert {key for key in finals if wants(key[1], key[2])} == {key for key in expected if wants(key[1], key[2])}
    await log.close()


def wants(subscription_id: str, message_id: str) -> bool:
    number = int(message_id[1:])
    return {"a": number % 2 == 0, "b": number % 3 == 0, "c": number % 5 != 0}.get(subscription_id, False)


async def _covered(shard: Shard, expected: set[tuple[str, str, str]]) -> bool:
    if isinstance(shard.failure, ShardTaken):
        # The last batch of the engine killed before was on its way when this one began: a supervisor starts it again.
        await shard.start()
    finals = await shard.finals()
    ended = {(destination_id, message_id) for destination_id, _, message_id in finals}
    return all(key in finals if wants(key[1], key[2]) else (key[0], key[2]) in ended for key in expected)


async def test_what_is_settled_stays_small_while_one_attempt_hangs(log: Log):
    shard = await Shard(log, msgspec.structs.replace(TIGHT, window=100, window_total=200, attempt_seconds=30)).make()
    release = asyncio.Event()

    async def hang():
        await release.wait()
        return DELIVERED

    shard.outside.answer = lambda _, message_id: hang() if message_id == "m0" else DELIVERED
    shard.view.put(destination("d"))
    await shard.start()
    await shard.route(*map(event, message_ids(3_000)))
    await shard.ended(2_999)
    last = (await shard.written("settled"))[-1]
    head = delivery.settled_decoder.frame(last.payload)[0]
    assert [(one.sequence, one.index) for one in head.open] == [(1, 0)]
    await shard.kill()
    release.set()
    await shard.start()
    await shard.ended(3_000)
    assert shard.outside.asked["d", "s1", "m0"] == 2
    assert shard.outside.asked["d", "s1", "m1"] == 1
    await shard.stop()


async def test_one_that_meets_the_common_reader_with_a_full_window_is_read_for_once(log: Log, monkeypatch):
    """The common reader stands still within a frame while the other comes up to it and finds no room to read on."""
    window, answered, total = 57, 15, 620
    missed = YIELD_ROWS - 1 - 2 * window  # until the common reader yields; both destinations count, one after `window`
    shard = await Shard(log, Settings(window=window, settle_seconds=0.01)).make()
    gate, common_may_go = asyncio.Event(), asyncio.Event()

    async def held() -> Verdict:
        await gate.wait()
        return DELIVERED

    shard.outside.answer = lambda _, message_id: DELIVERED if int(message_id) < answered else held()
    shard.view.put(destination("d"))
    shard.view.put(destination("beside", supported_types=[]))
    engine = await shard.start()
    await until(lambda: all(one.is_placed and not one.is_behind for one in engine.by_source["web"]))
    monkeypatch.setattr(engine._ledger, "wait_for_room", common_may_go.wait)
    names = [str(number) for number in range(total)]
    await shard.route(*map(event, names))
    served = next(one for one in engine.by_source["web"] if one.id == "d")
    await until(lambda: engine._common.place == (1, window + missed) == served.place)
    common_may_go.set()
    await until(lambda: engine._common.place == (2, 0))
    gate.set()
    await shard.ended(2 * total)
    await shard.stop()
    assert len(shard.outside.delivered) == total
    assert set(shard.outside.delivered.values()) == {1}
    assert set((await shard.finals()).values()) == {1}
