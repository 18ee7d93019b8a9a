"""What a role does when a target cannot be used: it says so once, loses nothing, and goes on when it can."""

import asyncio
from pathlib import Path

from penstock.infra.facts import read_facts
from penstock.spec.calls import (
    ForgetPeople,
    ForgetReport,
    QueryResult,
    QueryWarehouse,
    RoleStatus,
    StatusReport,
)

from .conftest import event, source, warehouse


async def reported(log, least):
    """So many records, and those that come within half a second of them."""
    records = []
    try:
        async with asyncio.timeout(60) as deadline:
            async for _, head in read_facts(log, 1):
                records += [(head.after, head.to, record["status"]) for record in head.syncs]
                if len(records) >= least:
                    deadline.reschedule(asyncio.get_running_loop().time() + 0.5)
    except TimeoutError:
        return records


async def until_closed(target):
    async with asyncio.timeout(30):
        while target.is_open:
            await asyncio.sleep(0.01)


async def test_a_file_that_is_no_database_fails_by_name_and_is_loaded_when_it_is_gone(installation):
    file = Path(installation.settings.data) / "warehouse" / "penstock.duckdb"
    file.parent.mkdir(parents=True)
    file.write_bytes(b"not a database" * 1_000)
    await installation.route(event("m1"))
    async with installation.role() as role:
        for _ in range(3):
            assert list((await installation.sync()).errors) == ["W1"]
        status = await installation.ask(RoleStatus(), StatusReport, role="warehousing")
        assert status.state == "failing"
        assert status.lag["ROUTED-0"] == 1
        file.unlink()
        assert (await installation.sync()).errors == {}
        assert await installation.query(role, "SELECT id FROM shop.tracks") == [["m1"]]
        status = await installation.ask(RoleStatus(), StatusReport, role="warehousing")
        assert (status.state, status.lag["ROUTED-0"]) == ("ready", 0)
    assert await reported(installation.log, 2) == [(0, 0, "FAILURE"), (0, 1, "SUCCESS")]


async def test_a_load_that_the_target_refuses_is_tried_again_from_the_same_place(installation):
    async with installation.role() as role:
        await installation.route(event("m1", properties={"n": 1}))
        await installation.sync()
        connection = role.syncs["W1"].target._open._connection
        connection.execute("ALTER TABLE shop.order_done ALTER n SET NOT NULL")
        await installation.route(event("m2"))
        await installation.route(event("m3", properties={"n": 3}))
        assert "NOT NULL" in (await installation.sync()).errors["W1"]
        assert await installation.query(role, "SELECT id FROM shop.tracks") == [["m1"]]
        connection = role.syncs["W1"].target._open._connection
        connection.execute("ALTER TABLE shop.order_done ALTER n DROP NOT NULL")
        assert (await installation.sync()).errors == {}
        assert await installation.query(role, "SELECT id FROM shop.tracks ORDER BY 1") == [["m1"], ["m2"], ["m3"]]
    assert await reported(installation.log, 3) == [(0, 1, "SUCCESS"), (1, 1, "FAILURE"), (1, 3, "SUCCESS")]


async def test_a_file_that_is_deleted_is_made_anew_from_what_the_log_has(installation):
    async with installation.role(warehouse_idle_seconds=0.05) as role:
        await installation.route(event("m1"))
        await installation.sync()
        target = role.syncs["W1"].target
        await until_closed(target)
        Path(target.place.name).unlink()  # noqa: ASYNC240 - one small file
        await installation.route(event("m2"))
        await installation.sync()
        assert await installation.query(role, "SELECT id FROM shop.tracks ORDER BY 1") == [["m1"], ["m2"]]


async def test_a_warehouse_that_is_disabled_closes_its_file_and_refuses_queries(installation):
    async with installation.role() as role:
        await installation.route(event("m1"))
        await installation.sync()
        target = role.syncs["W1"].target
        await installation.publish(warehouse(version=2, enabled=False))
        await installation.sync()
        assert not target.is_open
        result = await installation.ask(QueryWarehouse("SELECT 1", 1, 1.0), QueryResult)
        assert "no embedded warehouse" in result.error


async def test_changed_settings_open_another_file(installation):
    async with installation.role() as role:
        await installation.route(event("m1"))
        await installation.sync()
        await installation.publish(warehouse(version=2, sealed_settings=b'{"file":"penstock-two.duckdb"}'))
        await installation.sync()
        assert role.syncs["W1"].target.place.name.endswith("penstock-two.duckdb")
        assert await installation.query(role, "SELECT id FROM shop.tracks") == [["m1"]]
        await installation.publish(warehouse(version=3, sealed_settings=b'{"file":"../../etc/other"}'))
        assert "must read penstock" in (await installation.sync()).errors["W1"]


async def test_a_log_that_was_replaced_is_loaded_also_where_the_file_was_closed_meanwhile(installation):
    async with installation.role(warehouse_idle_seconds=0.05) as role:
        for number in range(3):
            await installation.route(event(f"m{number}"))
        await installation.sync()
        target = role.syncs["W1"].target
        await until_closed(target)
        await installation.replace_routed()
        await installation.route(event("m0"))
        await installation.route(event("m9"))
        for _ in range(2):
            await installation.sync()
            await until_closed(target)
        rows = await installation.query(role, "SELECT id FROM shop.tracks ORDER BY 1")
        assert rows == [["m0"], ["m1"], ["m2"], ["m9"]]
        await installation.route(event("m10"))
        await installation.sync()
        assert await installation.query(role, "SELECT count(*) FROM shop.tracks") == [[5]]


async def test_records_of_more_sources_than_one_message_holds_are_several_facts(installation, monkeypatch):
    monkeypatch.setattr("penstock.warehousing.reporting.FACT_BYTES", 600)
    sources = [f"shop{number}" for number in range(5)]
    async with installation.role():
        for one in sources:
            await installation.publish(source(one))
            await installation.route(event(f"m-{one}"), source_id=one)
        assert (await installation.sync()).errors == {}
    found = await reported(installation.log, 5)
    assert len(found) == 5
    assert {one[:2] for one in found} == {(0, 0), (0, 5)}
    assert found[-1][:2] == (0, 5)


async def test_what_a_target_says_of_a_person_who_cannot_be_deleted_is_not_told(installation):
    async with installation.role() as role:
        await installation.route(event("m1", kind="identify", traits={"plan": "a"}))
        await installation.sync()
        connection = role.syncs["W1"].target._open._connection
        connection.execute("ALTER TABLE shop.users ADD PRIMARY KEY (id)")
        connection.execute("CREATE TABLE shop.notes (text VARCHAR, about VARCHAR REFERENCES shop.users (id))")
        connection.execute("INSERT INTO shop.notes VALUES ('kind', 'u1')")
        report = await installation.ask(ForgetPeople("W1", ["u1"]), ForgetReport)
        assert report == ForgetReport(error="the target has refused: ConstraintException")
