import asyncio
import contextlib
from collections import Counter
from types import SimpleNamespace

import pytest

from penstock.functions.health import CRASHES
from penstock.functions.instance import Program, Work
from penstock.functions.logs import LogQueue
from penstock.functions.pool import FunctionPool, FunctionSettings
from penstock.infra.http import OutboundPolicy
from penstock.kit.clock import ManualClock

COUNT = "let count = 0; function onTrack() { return ++count }"
WORK = Work("onTrack", b"{}")
SLOW = "const onTrack = () => new Promise((ok) => setTimeout(ok, 300))"


async def gone(pool, count):
    async with asyncio.timeout(30):
        while pool.standing > count:
            await asyncio.sleep(0.01)


async def test_what_runs_for_one_place_knows_nothing_of_another(run):
    assert [(await run(COUNT, place=place)).value for place in ("a", "b", "a")] == [b"1", b"1", b"2"]


async def test_another_version_takes_over_and_starts_anew(run, pool):
    assert (await run(COUNT)).value == b"1"
    assert (await run(COUNT + "// 2")).value == b"1"
    await gone(pool, 1)


async def test_a_version_ends_with_its_last_run(run):
    slow = asyncio.ensure_future(run(SLOW))
    await asyncio.sleep(0.1)
    assert (await run(COUNT)).value == b"1"
    assert (await slow).code == ""


async def test_processes_are_bounded_and_the_idle_one_gives_way():
    async with FunctionPool(OutboundPolicy(), FunctionSettings(processes=2)) as pool:
        for place in "abcb":
            assert (await pool.run(place, Program("DESTINATION", COUNT), WORK)).consequence == "done"
        await gone(pool, 2)
        assert (await pool.run("b", Program("DESTINATION", COUNT), WORK)).value == b"3"
        assert (await pool.run("a", Program("DESTINATION", COUNT), WORK)).value == b"1"


async def test_where_all_are_busy_one_waits_for_room_or_is_told_to_come_again():
    async with FunctionPool(OutboundPolicy(), FunctionSettings(processes=1)) as pool:
        slow = asyncio.ensure_future(pool.run("a", Program("DESTINATION", SLOW), WORK))
        await asyncio.sleep(0.05)
        impatient = Work("onTrack", b"{}", patience=0.05)
        assert (await pool.run("b", Program("DESTINATION", COUNT), impatient)).code == "too_many_requests"
        assert (await pool.run("b", Program("DESTINATION", COUNT), WORK)).value == b"1"
        assert (await slow).code == ""


async def test_an_idle_process_is_stopped_and_started_again():
    async with FunctionPool(OutboundPolicy(), FunctionSettings(idle_seconds=0.1)) as pool:
        assert (await pool.run("a", Program("DESTINATION", COUNT), WORK)).value == b"1"
        await gone(pool, 0)
        assert (await pool.run("a", Program("DESTINATION", COUNT), WORK)).value == b"1"


EXIT = "onTrack = () => Buffer.constructor('Deno.exit()')()"
LOAD = "onTrack = () => 1; Buffer.constructor('Deno.exit()')()"
LOOP = "onTrack = () => { for (;;); }"


async def ran(pool, code, count, place="a", **work):
    program = Program("DESTINATION", code, "w", "dfn_1")
    return [await pool.run(place, program, Work("onTrack", b"{}", **work)) for _ in range(count)]


class TestHeldBack:
    @pytest.mark.parametrize(("code", "first"), [(EXIT, "bad_request"), (LOAD, "internal"), (LOOP, "gateway_timeout")])
    @pytest.mark.usefixtures("soon_ended")
    async def test_what_ends_every_process_is_started_five_times_and_then_answered_at_once(self, pool, code, first):
        outcomes = await ran(pool, code, 8, seconds=0.1)
        assert outcomes[0].code == first
        assert (outcomes[-1].code, outcomes[-1].consequence) == ("internal", "retried")
        assert pool.started == CRASHES
        async with asyncio.timeout(60):
            assert {one.code for one in await ran(pool, code, 1000)} == {"internal"}
        assert (pool.started, pool.standing) == (CRASHES, 0)
        (held,) = pool.held()
        assert (held.function_id, held.place) == ("dfn_1", "a")
        assert 50 < held.seconds_left <= 60

    async def test_many_at_once_start_few_more(self, pool):
        program = Program("DESTINATION", EXIT)
        outcomes = await asyncio.gather(*(pool.run("a", program, WORK) for _ in range(30)))
        # On a slow machine some wait for a place in vain; those too are tried again.
        assert {"bad_request"} < {one.code for one in outcomes} <= {"bad_request", "internal", "too_many_requests"}
        assert CRASHES <= pool.started <= CRASHES + 3

    async def test_another_version_is_started_and_the_pause_ends_by_itself(self):
        async with FunctionPool(OutboundPolicy(), FunctionSettings(pause_seconds=0.2)) as pool:
            await ran(pool, EXIT, 4)
            assert pool.held() != []
            assert (await ran(pool, COUNT, 1))[0].value == b"1"
            assert pool.held() == []
            await ran(pool, EXIT, 4)
            async with asyncio.timeout(30):
                while pool.held():
                    await asyncio.sleep(0.01)
            before = pool.started
            await ran(pool, EXIT, 1)
            assert pool.started > before

    async def test_the_same_that_is_deployed_again_is_started_again(self, pool):
        await ran(pool, EXIT, 4)
        before = pool.started
        assert (await ran(pool, EXIT, 1))[0].code == "internal"
        assert pool.started == before
        again = Program("DESTINATION", EXIT, "w", "dfn_1", deployed_at=1)
        assert (await pool.run("a", again, WORK)).code == "bad_request"
        assert pool.started > before
        assert pool.held() == []

    async def test_it_is_not_forgotten_with_its_place_and_costs_no_other(self):
        async with FunctionPool(OutboundPolicy(), FunctionSettings(processes=1)) as pool:
            await ran(pool, EXIT, 4)
            assert (await ran(pool, COUNT, 2, place="b"))[-1].value == b"2"
            before = pool.started
            assert (await ran(pool, EXIT, 1))[0].code == "internal"
            assert pool.started == before
            assert (await ran(pool, COUNT, 1, place="b"))[-1].value == b"3", "it kept its place"

    async def test_that_it_began_stands_in_its_log_once(self, log):
        lines = []
        tap = SimpleNamespace(is_open=True, offer=lines.extend)
        queue = LogQueue(log, ManualClock(), tap=tap)
        async with FunctionPool(OutboundPolicy(), logs=queue) as pool:
            await ran(pool, EXIT, 300)
        await queue.write()
        texts = [line.text for line in lines]
        assert texts[:2] == ["the function ended its process"] * 2
        assert 1 <= sum("none is started for 60 s" in text for text in texts[2:]) == len(texts[2:]) <= 2


@contextlib.asynccontextmanager
async def hanging(pool, code, seconds):
    """As many functions that hang as the pool has processes, each with as many events at once as delivery asks for;
    yields how often each ended how.
    """
    ended = Counter()

    async def ask(place):
        while True:
            outcome = await pool.run(place, Program("DESTINATION", code), Work("onTrack", b"{}", seconds=seconds))
            ended[place, outcome.code] += 1
            await asyncio.sleep(0.01)

    asking = [asyncio.create_task(ask(f"hangs-{number % 4}")) for number in range(40)]
    try:
        yield ended
    finally:
        for task in asking:
            task.cancel()
        await asyncio.gather(*asking, return_exceptions=True)


PROMISE = "onTrack = () => new Promise(() => {})"


@pytest.mark.parametrize("code", [PROMISE, LOOP])
async def test_functions_that_hang_hold_back_none_that_works(code, request):
    if code == LOOP:
        request.getfixturevalue("soon_ended")
    async with (
        FunctionPool(OutboundPolicy(), FunctionSettings(processes=4)) as pool,
        hanging(pool, code, 0.3) as ended,
    ):
        async with asyncio.timeout(120):
            # Once all have hung they take no place but that of their like.
            while len({place for place, reason in ended if reason == "gateway_timeout"}) < 4:
                await asyncio.sleep(0.01)
        program, work = Program("DESTINATION", COUNT), Work("onTrack", b"{}", patience=50.0)

        async def counts():
            return [int((await pool.run(f"late-{number}", program, work)).value) for number in range(2)]

        # While two that hang are ending, the second may still begin in the place of the first, which is idle.
        before, now = [0, 0], await counts()
        async with asyncio.timeout(120):
            while now != [one + 1 for one in before] or now == [1, 1]:
                before, now = now, await counts()
        rounds = [await counts() for _ in range(10)]
        assert rounds == [[one + number for one in now] for number in range(1, 11)], "each kept its process"
        assert pool.standing <= 4


@pytest.mark.parametrize("code", [PROMISE, LOOP])
async def test_who_comes_while_all_hang_for_the_first_time_waits_for_less_than_their_limit(code):
    async with FunctionPool(OutboundPolicy(), FunctionSettings(processes=4)) as pool, hanging(pool, code, 60.0):
        async with asyncio.timeout(60):
            while pool.standing < 4:
                await asyncio.sleep(0.01)
        program, work = Program("DESTINATION", COUNT), Work("onTrack", b"{}", patience=50.0)
        answers = await asyncio.gather(*(pool.run(f"late-{number}", program, work) for number in range(2)))
        assert [one.value for one in answers] == [b"1", b"1"]
