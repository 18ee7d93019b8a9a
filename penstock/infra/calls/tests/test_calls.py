"""Calls between roles, over a real server."""

import asyncio

import pytest

from penstock.infra.calls import CallClient, CallFailed, CallServer, CallTimedOut, RoleDown
from penstock.infra.log import Log
from penstock.spec.calls import QueryResult, QueryWarehouse, RoleStatus, StatusReport, SyncReport, SyncWarehouses


@pytest.fixture
async def server(log):
    made = CallServer(log, "warehousing")
    yield made
    await made.close()


@pytest.fixture
async def client(nats_server):
    asking = await Log.connect(nats_server.url, token=nats_server.token, name="asking")
    yield CallClient(asking)
    await asking.close()


async def sync(call):
    return SyncReport(rows=3, events=3, errors={"id": call.warehouse_id})


async def test_a_call_is_answered_by_its_role(server, client):
    await server.answer(SyncWarehouses, sync)
    report = await client.ask(SyncWarehouses("w1"), SyncReport, deadline_seconds=5)
    assert report == SyncReport(3, 3, {"id": "w1"})


async def test_a_role_that_is_down_is_told_at_once(client):
    started = asyncio.get_running_loop().time()
    with pytest.raises(RoleDown, match="warehousing"):
        await client.ask(SyncWarehouses(), SyncReport, deadline_seconds=5)
    assert asyncio.get_running_loop().time() - started < 1


async def test_a_role_can_be_named_for_calls_to_every_role(log, client):
    async def status(_call):
        return StatusReport("edge", "ready", [], 1, 2)

    server = CallServer(log, "edge")
    await server.answer(RoleStatus, status)
    report = await client.ask(RoleStatus(), StatusReport, deadline_seconds=5, role="edge")
    assert report.role == "edge"
    await server.close()
    with pytest.raises(RoleDown):
        await client.ask(RoleStatus(), StatusReport, deadline_seconds=5, role="edge")


async def test_a_long_answer_arrives_whole(server, client):
    rows = [[number, "x" * 1000] for number in range(5_000)]

    async def query(_call):
        return QueryResult(["n", "x"], ["INTEGER", "VARCHAR"], rows, False)

    await server.answer(QueryWarehouse, query)
    result = await client.ask(QueryWarehouse("select", 10, 1.0), QueryResult, deadline_seconds=10)
    assert result.rows == rows


async def test_an_answer_above_the_limit_is_a_failure(server, client):
    async def query(_call):
        return QueryResult([], [], [["x" * (33 << 20)]], False)

    await server.answer(QueryWarehouse, query)
    with pytest.raises(CallFailed) as caught:
        await client.ask(QueryWarehouse("select", 10, 1.0), QueryResult, deadline_seconds=10)
    assert caught.value.code == "too_large"


async def test_a_handler_that_raises_is_a_failure_without_details(server, client):
    async def fail(_call):
        raise ValueError("the password is secret")

    await server.answer(SyncWarehouses, fail)
    with pytest.raises(CallFailed) as caught:
        await client.ask(SyncWarehouses(), SyncReport, deadline_seconds=5)
    assert caught.value.code == "internal"
    assert "secret" not in str(caught.value)


async def test_a_handler_chooses_the_code_of_its_failure(server, client):
    async def fail(_call):
        raise CallFailed("no_such_warehouse", "there is no warehouse w9")

    await server.answer(SyncWarehouses, fail)
    with pytest.raises(CallFailed, match="w9") as caught:
        await client.ask(SyncWarehouses("w9"), SyncReport, deadline_seconds=5)
    assert (caught.value.code, caught.value.role) == ("no_such_warehouse", "warehousing")


async def test_a_call_ends_at_its_deadline_on_both_sides(server, client):
    cancelled = asyncio.Event()

    async def hang(_call):
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled.set()
            raise

    await server.answer(SyncWarehouses, hang)
    with pytest.raises(CallTimedOut):
        await client.ask(SyncWarehouses(), SyncReport, deadline_seconds=0.2)
    await asyncio.wait_for(cancelled.wait(), 2)


async def test_a_slow_call_does_not_hold_up_others(server, client):
    gate = asyncio.Event()

    async def handle(call):
        if call.warehouse_id == "slow":
            await gate.wait()
        return SyncReport(1, 1)

    await server.answer(SyncWarehouses, handle)
    slow = asyncio.create_task(client.ask(SyncWarehouses("slow"), SyncReport, deadline_seconds=5))
    await client.ask(SyncWarehouses("fast"), SyncReport, deadline_seconds=5)
    assert not slow.done()
    gate.set()
    await slow


async def test_the_same_key_is_done_once(server, client):
    done = []

    async def handle(call):
        done.append(call)
        await asyncio.sleep(0.05)
        return SyncReport(len(done), 0)

    await server.answer(SyncWarehouses, handle)
    asking = [client.ask(SyncWarehouses(), SyncReport, deadline_seconds=5, key="one") for _ in range(3)]
    reports = await asyncio.gather(*asking)
    reports.append(await client.ask(SyncWarehouses(), SyncReport, deadline_seconds=5, key="one"))
    assert [report.rows for report in reports] == [1, 1, 1, 1]
    assert (await client.ask(SyncWarehouses(), SyncReport, deadline_seconds=5, key="two")).rows == 2


async def test_more_calls_than_may_run_are_refused_as_busy(server, client):
    gate = asyncio.Event()

    async def handle(_call):
        await gate.wait()
        return SyncReport(1, 1)

    await server.answer(SyncWarehouses, handle)
    asking = [asyncio.create_task(client.ask(SyncWarehouses(), SyncReport, deadline_seconds=5)) for _ in range(65)]
    done, waiting = await asyncio.wait(asking, return_when=asyncio.FIRST_COMPLETED, timeout=4)
    assert [task.exception().code for task in done] == ["busy"]
    gate.set()
    await asyncio.gather(*waiting)


async def test_who_waits_when_the_role_stops_is_told(log, client):
    entered = asyncio.Event()

    async def hang(_call):
        entered.set()
        await asyncio.Event().wait()

    server = CallServer(log, "warehousing")
    await server.answer(SyncWarehouses, hang)
    asking = asyncio.create_task(client.ask(SyncWarehouses(), SyncReport, deadline_seconds=5))
    await entered.wait()
    await server.close()
    with pytest.raises(CallFailed) as caught:
        await asking
    assert caught.value.code == "stopping"


async def test_a_call_that_cannot_be_read_is_a_failure(log, server, client):
    await server.answer(QueryWarehouse, sync)
    answers = await log.request_core("call.warehousing.query", b"\xc1", seconds=5)
    assert answers[0].headers["Penstock-Error"] == "bad_call"


async def test_calls_are_answered_again_after_the_server_was_killed(own_nats_server):
    answering = await Log.connect(own_nats_server.url, token=own_nats_server.token)
    asking = await Log.connect(own_nats_server.url, token=own_nats_server.token)
    server = CallServer(answering, "warehousing")
    await server.answer(SyncWarehouses, sync)
    await own_nats_server.kill()
    async with asyncio.timeout(30):
        while asking.is_connected:
            await asyncio.sleep(0.01)
    with pytest.raises(RoleDown):
        await CallClient(asking).ask(SyncWarehouses(), SyncReport, deadline_seconds=1)
    await own_nats_server.start()
    await asyncio.gather(answering.wait_connected(3), asking.wait_connected(3))
    assert (await CallClient(asking).ask(SyncWarehouses(), SyncReport, deadline_seconds=2)).rows == 3
    await server.close()
    await answering.close()
    await asking.close()


async def test_a_role_that_comes_back_to_the_log_engine_after_the_asker_is_waited_for(own_nats_server):
    asking = await Log.connect(own_nats_server.url, token=own_nats_server.token)
    await own_nats_server.kill()
    await own_nats_server.start()
    async with asyncio.timeout(30):
        while not asking.seconds_since_reconnect < 5:
            await asyncio.sleep(0.01)
    report = asyncio.create_task(CallClient(asking).ask(SyncWarehouses(), SyncReport, deadline_seconds=30))
    answering = await Log.connect(own_nats_server.url, token=own_nats_server.token)
    server = CallServer(answering, "warehousing")
    await server.answer(SyncWarehouses, sync)
    assert (await report).rows == 3
    await server.close()
    await answering.close()
    await asking.close()


class TestKilled:
    """A role that is killed while it has a call: the asker does not wait until the deadline."""

    @pytest.fixture
    async def answering(self, own_nats_server):
        connected = await Log.connect(own_nats_server.url, token=own_nats_server.token, name="answering")
        yield connected
        await connected.close()

    @pytest.fixture
    async def asking(self, own_nats_server):
        connected = await Log.connect(own_nats_server.url, token=own_nats_server.token, name="asking")
        yield CallClient(connected)
        await connected.close()

    async def begun(self, answering, asking, **options):
        """A call that was taken and is never answered."""
        entered = asyncio.Event()

        async def hang(_call):
            entered.set()
            await asyncio.Event().wait()

        await CallServer(answering, "warehousing").answer(SyncWarehouses, hang)
        task = asyncio.create_task(asking.ask(SyncWarehouses(), SyncReport, deadline_seconds=30, **options))
        await entered.wait()
        return task

    async def ends(self, task):
        started = asyncio.get_running_loop().time()
        with pytest.raises(CallTimedOut, match="warehousing ended before it answered"):
            await task
        assert asyncio.get_running_loop().time() - started < 6

    async def test_a_call_ends_with_the_process_that_took_it(self, answering, asking):
        task = await self.begun(answering, asking)
        await answering.close()
        await self.ends(task)

    async def test_also_where_another_process_of_the_role_lives(self, log, own_nats_server, answering, asking):
        task = await self.begun(answering, asking)
        other = await Log.connect(own_nats_server.url, token=own_nats_server.token)
        await CallServer(other, "warehousing").answer(SyncWarehouses, sync)
        await answering.close()
        await self.ends(task)
        assert (await asking.ask(SyncWarehouses(), SyncReport, deadline_seconds=5)).rows == 3
        await other.close()

    async def test_a_call_that_nobody_takes_any_more_ends_too(self, answering, asking):
        arrived = asyncio.Event()

        async def swallow(_message):
            """As a process that is killed before it looks at what came."""
            arrived.set()

        await answering.subscribe_core("call.warehousing.sync", swallow)
        task = asyncio.create_task(asking.ask(SyncWarehouses(), SyncReport, deadline_seconds=30))
        await arrived.wait()
        await answering.close()
        await self.ends(task)

    async def test_one_that_works_long_is_waited_for(self, answering, asking):
        async def slow(_call):
            await asyncio.sleep(3.5)
            return SyncReport(1, 1)

        server = CallServer(answering, "warehousing")
        await server.answer(SyncWarehouses, slow)
        assert (await asking.ask(SyncWarehouses(), SyncReport, deadline_seconds=10)).rows == 1
        await server.close()


class TestAskEach:
    async def asked(self, client, **changes):
        asking = {"role": "edge", "deadline_seconds": 2.0, "window_seconds": 0.3} | changes
        found = await client.ask_each(RoleStatus(), StatusReport, **asking)
        return sorted(report.pid for report in found)

    async def test_every_process_of_a_role_answers_once(self, log, client):
        servers = [CallServer(log, "edge") for _ in range(3)]
        for pid, server in enumerate(servers, 1):

            async def status(_call, pid=pid):
                return StatusReport("edge", "ready", [], pid, 0)

            await server.answer(RoleStatus, status)
        assert await self.asked(client) == [1, 2, 3]
        assert (await client.ask(RoleStatus(), StatusReport, deadline_seconds=2, role="edge")).pid in (1, 2, 3)
        for server in servers:
            await server.close()

    async def test_one_that_fails_is_left_out(self, server, log, client):
        async def status(_call):
            return StatusReport("warehousing", "ready", [], 1, 0)

        async def failing(_call):
            raise CallFailed("broken", "it is broken")

        other = CallServer(log, "warehousing")
        await server.answer(RoleStatus, status)
        await other.answer(RoleStatus, failing)
        assert await self.asked(client, role="warehousing") == [1]
        await other.close()

    async def test_where_nobody_listens_that_is_known_at_once(self, client):
        started = asyncio.get_running_loop().time()
        assert await self.asked(client) == []
        assert asyncio.get_running_loop().time() - started < 1.5

    async def test_who_does_not_answer_is_waited_for_no_longer_than_the_deadline(self, server, client):
        async def hanging(_call):
            await asyncio.Event().wait()

        await server.answer(RoleStatus, hanging)
        assert await self.asked(client, role="warehousing", deadline_seconds=0.3) == []
