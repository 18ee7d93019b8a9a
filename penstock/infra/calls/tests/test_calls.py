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
    async with asyncio.timeout(2):
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
