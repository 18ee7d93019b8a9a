import asyncio
import subprocess
import sys
import time
from pathlib import Path

import msgspec

from penstock.infra.facts import read_facts
from penstock.spec import streams
from penstock.spec.accepted import AcceptedHead, encode_accepted
from penstock.spec.calls import (
    QueryResult,
    QueryWarehouse,
    RoleStatus,
    StatusReport,
    ValidateWarehouse,
    ValidationReport,
)
from penstock.spec.quarantine import FindAnonymousRows, FoundAnonymous
from penstock.spec.snapshot import SnapshotKind

from .conftest import WORKSPACE, event, source, warehouse


async def facts_of(log, count):
    """The sync records of the first `count` facts."""
    records = []
    async with asyncio.timeout(30):
        async for _, head in read_facts(log, 1):
            records.append((head.role, head.after, head.to, head.syncs))
            if len(records) == count:
                break
    return records


async def reached(claim, seconds=30.0):
    deadline = time.monotonic() + seconds
    while not claim():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.01)


class TestSync:
    async def test_what_is_routed_is_loaded_when_the_call_answers(self, installation):
        async with installation.role() as role:
            await installation.route(event("m1"), event("m2", "identify", traits={"plan": "pro"}))
            report = await installation.sync()
            assert (report.rows, report.events, report.errors) == (4, 2, {})
            assert await installation.query(role, "SELECT id FROM shop.order_done") == [["m1"]]
            assert await installation.query(role, "SELECT id, plan FROM shop.users") == [["u1", "pro"]]

    async def test_a_message_id_is_in_its_tables_once(self, installation):
        async with installation.role() as role:
            await installation.route(event("m1"), event("m1"))
            await installation.sync()
            await installation.route(event("m1"))
            assert (await installation.sync()).rows == 0
            assert await installation.query(role, "SELECT count(*) FROM shop.tracks") == [[1]]
            assert await installation.query(role, "SELECT count(*) FROM shop.order_done") == [[1]]

    async def test_a_restart_goes_on_from_the_position_in_the_target(self, installation):
        await installation.route(event("m1"))
        async with installation.role():
            await installation.sync()
        await installation.route(event("m2"))
        async with installation.role() as role:
            assert role.syncs["W1"].totals.events == 1
            assert await installation.query(role, "SELECT id FROM shop.tracks ORDER BY id") == [["m1"], ["m2"]]

    async def test_rows_that_are_blocked_or_wait_for_a_function_are_passed_over(self, installation):
        async with installation.role() as role:
            await installation.route(event("m1"), fate=1)
            await installation.route(event("m2"), fate=2)
            await installation.route(event("m3"))
            await installation.sync()
            assert await installation.query(role, "SELECT id FROM shop.tracks") == [["m3"]]

    async def test_events_of_excluded_sources_and_of_other_workspaces_are_passed_over(self, installation):
        await installation.publish(source("blog"))
        await installation.publish(warehouse(version=2, excluded=["blog"]))
        async with installation.role() as role:
            await installation.route(event("m1"), source_id="blog")
            await installation.route(event("m2"), workspace="ws2")
            await installation.route(event("m3"))
            await installation.sync()
            found = await installation.query(
                role, "SELECT table_schema FROM information_schema.tables GROUP BY 1 ORDER BY 1"
            )
            assert found == [["penstock_meta"], ["shop"]]

    async def test_each_source_has_its_schema_and_a_source_made_a_moment_ago_has_its_own_name(self, installation):
        async with installation.role() as role:
            await installation.route(event("m1"))
            await installation.sync()
            await installation.publish(source("S2", schema="my_blog"))
            await installation.route(event("m2"), source_id="S2")
            await installation.sync()
            assert await installation.query(role, "SELECT id FROM my_blog.tracks") == [["m2"]]

    async def test_a_disabled_warehouse_pauses_and_goes_on_where_it_stood(self, installation):
        async with installation.role() as role:
            await installation.publish(warehouse(version=2, enabled=False))
            await installation.route(event("m1"))
            assert (await installation.sync()).rows == 0
            assert role.syncs == {}
            await installation.publish(warehouse(version=3))
            assert (await installation.sync()).events == 1

    async def test_an_unknown_warehouse_is_named(self, installation):
        async with installation.role():
            assert list((await installation.sync("nobody")).errors) == ["nobody"]

    async def test_two_warehouses_on_one_file_are_refused(self, installation):
        await installation.publish(warehouse("W2", created_at=2))
        async with installation.role() as role:
            report = await installation.sync()
            assert list(report.errors) == ["W2"]
            assert list(role.syncs) == ["W1"]

    async def test_the_file_of_a_warehouse_that_was_deleted_is_not_the_next_ones(self, installation, tmp_path):
        file = tmp_path / "data" / "warehouse" / "penstock.duckdb"
        async with installation.role() as role:
            await installation.route(event("m1"))
            await installation.sync()
            assert await installation.store.bury(SnapshotKind.WAREHOUSE, WORKSPACE, "W1", 2)
            await installation.publish(warehouse("W2", created_at=2))
            report = await installation.sync()
            assert "the file penstock.duckdb holds what another warehouse has loaded" in report.errors["W2"]
            asked = await installation.ask(QueryWarehouse("SELECT 1 FROM shop.tracks", 9, 9.0), QueryResult)
            assert (asked.rows, report.errors["W2"]) == ([], asked.error)
            found = await installation.ask(ValidateWarehouse("duckdb", b"{}", "W2"), ValidationReport)
            assert (found.step, found.reason) == ("settings", asked.error)
            file.rename(file.with_name("moved.duckdb"))
            assert (await installation.sync()).errors == {}
            assert await installation.query(role, "SELECT id FROM shop.tracks", "W2") == [["m1"]]
            assert (await installation.ask(ValidateWarehouse("duckdb", b"{}", "W2"), ValidationReport)).is_connected

    async def test_a_warehouse_without_a_driver_does_not_hold_the_others(self, installation):
        await installation.publish(warehouse("W0", slug="snowflake", created_at=0))
        async with installation.role():
            await installation.route(event("m1"))
            report = await installation.sync()
            assert list(report.errors) == ["W0"]
            assert report.events == 1

    async def test_what_is_accepted_before_the_call_is_waited_for(self, installation):
        async with installation.role() as role:
            frame = encode_accepted(AcceptedHead("w", 1, [], []), [])
            await installation.log.append(streams.accepted_subject(0, "w"), frame)
            syncing = asyncio.create_task(installation.sync())
            await asyncio.sleep(0.2)
            assert not syncing.done()
            await installation.route(event("m1"))
            assert (await syncing).events == 1
            assert await installation.query(role, "SELECT id FROM shop.tracks") == [["m1"]]

    async def test_it_syncs_at_its_interval(self, installation):
        async with installation.role(sync_seconds=0.2) as role:
            await installation.route(event("m1"))
            await reached(lambda: role.syncs and role.syncs["W1"].totals.events == 1)

    async def test_shards_have_positions_of_their_own(self, installation):
        async with installation.role(shards=2) as role:
            await installation.route(event("m1"), shard=1)
            await installation.sync()
            await installation.route(event("m2"), shard=0)
            await installation.route(event("m3"), shard=1)
            await installation.sync()
            assert await installation.query(role, "SELECT id FROM shop.tracks ORDER BY 1") == [["m1"], ["m2"], ["m3"]]
            assert (
                await installation.query(role, "SELECT shard, sequence FROM penstock_meta.positions ORDER BY 1")
            ) == [
                [0, 1],
                [1, 2],
            ]

    async def test_a_backlog_is_loaded_in_several_transactions(self, installation, monkeypatch):
        monkeypatch.setattr("penstock.warehousing.reading.STEP_BYTES", 2_000)
        for number in range(20):
            await installation.route(event(f"m{number}", properties={"text": "x" * 500}))
        async with installation.role() as role:
            assert role.syncs["W1"].totals.events == 20
            assert role.syncs["W1"].totals.syncs > 3
            assert await installation.query(role, "SELECT count(DISTINCT id), count(*) FROM shop.order_done") == [
                [20, 20]
            ]

    async def test_a_frame_that_cannot_be_read_does_not_stop_the_sync(self, installation):
        async with installation.role() as role:
            await installation.log.append(streams.routed_subject(0), b"not a frame")
            await installation.route(event("m1"))
            await installation.sync()
            assert await installation.query(role, "SELECT id FROM shop.tracks") == [["m1"]]


class TestIdle:
    async def test_nothing_routed_makes_no_file(self, installation):
        async with installation.role():
            await installation.sync()
        assert not (Path(installation.settings.data) / "warehouse").exists()

    async def test_nothing_routed_opens_no_file_and_leaves_no_record(self, installation):
        await installation.route(event("m1"))
        async with installation.role(warehouse_idle_seconds=0.05) as role:
            await installation.sync()
            target = role.syncs["W1"].target
            await reached(lambda: not target.is_open)
            assert (await installation.sync()).rows == 0
            assert not target.is_open
            await installation.route(event("m2"), workspace="ws2")
            await installation.sync()
            assert not target.is_open
            assert len(await facts_of(installation.log, 1)) == 1

    async def test_a_closed_file_is_free_for_other_processes(self, installation):
        await installation.route(event("m1"))
        async with installation.role(warehouse_idle_seconds=0.05) as role:
            await installation.sync()
            await reached(lambda: not role.syncs["W1"].target.is_open)
            assert _count_in_another_process(installation) == "1"


def _count_in_another_process(installation):
    code = (
        "import sys; from penstock.catalog.warehouses.duckdb import QueryLimits, query_file; "
        "r = query_file(sys.argv[1], 'SELECT count(*) FROM shop.tracks', QueryLimits(10, 5.0, 128)); "
        "print(r.error or r.rows[0][0])"
    )
    file = Path(installation.settings.data) / "warehouse" / "penstock.duckdb"
    return subprocess.run(
        [sys.executable, "-c", code, str(file)], capture_output=True, text=True, check=True
    ).stdout.strip()


class TestFacts:
    async def test_a_sync_with_rows_is_reported_once(self, installation):
        async with installation.role():
            await installation.route(event("m1"))
            await installation.route(event("m2"))
            await installation.sync()
            await installation.route(event("m3"))
            await installation.sync()
        facts = await facts_of(installation.log, 2)
        assert [(role, after, to) for role, after, to, _ in facts] == [
            ("warehousing-W1", 0, 2),
            ("warehousing-W1", 2, 3),
        ]
        record = facts[0][3][0]
        assert (record["sourceId"], record["warehouseId"], record["status"], record["count"]) == (
            "shop",
            "W1",
            "SUCCESS",
            4,
        )

    async def test_discards_are_summarised(self, installation):
        async with installation.role():
            await installation.route(event("m1", properties={"user_id": "forged", "n": 1}))
            await installation.sync()
        record = (await facts_of(installation.log, 1))[0][3][0]
        assert (record["status"], record["discards"]) == ("PARTIAL", 1)
        assert "order_done.user_id" in record["notices"][0]["message"]


class TestForeignLock:
    async def test_the_sync_waits_for_a_file_that_another_process_has_open(self, installation):
        await installation.route(event("m1"))
        async with installation.role(warehouse_idle_seconds=0.05) as role:
            await installation.sync()
            await reached(lambda: not role.syncs["W1"].target.is_open)
            file = Path(installation.settings.data) / "warehouse" / "penstock.duckdb"
            code = "import duckdb, sys; c = duckdb.connect(sys.argv[1]); print('open', flush=True); sys.stdin.read()"
            other = subprocess.Popen(
                [sys.executable, "-c", code, str(file)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
            )
            try:
                assert other.stdout.readline() == "open\n"
                await installation.route(event("m2"))
                result = await installation.ask(QueryWarehouse("SELECT 1", 1, 1.0), QueryResult)
                assert f"pid {other.pid}" in result.error
                syncing = asyncio.create_task(installation.sync())
                await asyncio.sleep(0.3)
                assert not syncing.done()
            finally:
                other.communicate()
            assert (await syncing).events == 1

    async def test_a_file_that_is_put_back_to_an_older_state_is_loaded_from_there(self, installation):
        file = Path(installation.settings.data) / "warehouse" / "penstock.duckdb"
        async with installation.role(warehouse_idle_seconds=0.05) as role:
            await installation.route(event("m1"))
            await installation.sync()
            await reached(lambda: not role.syncs["W1"].target.is_open)
            older = file.read_bytes()
            await installation.route(event("m2"))
            await installation.sync()
            await reached(lambda: not role.syncs["W1"].target.is_open)
            file.write_bytes(older)
            await installation.route(event("m3"))
            await installation.sync()
            assert await installation.query(role, "SELECT id FROM shop.tracks ORDER BY 1") == [["m1"], ["m2"], ["m3"]]


class TestCalls:
    async def test_whose_anonymous_ids_are_is_told_by_the_rows_of_each_source(self, installation):
        async with installation.role():
            asked = FindAnonymousRows(WORKSPACE, "", frozenset({"u1"}), warehouse_id="W1")
            assert await installation.ask(asked, FoundAnonymous) == FoundAnonymous(), "nothing is loaded yet"
            shared = event("m2", userId="u2", anonymousId="v1")
            await installation.route(event("m1", anonymousId="v1"), shared, event("m3", anonymousId="v2"))
            await installation.sync()
            mine = frozenset({("shop", "v1"), ("shop", "v2")})
            assert await installation.ask(asked, FoundAnonymous) == FoundAnonymous(mine)
            others = msgspec.structs.replace(asked, among=mine | {("blog", "v1")})
            assert await installation.ask(others, FoundAnonymous) == FoundAnonymous(frozenset({("shop", "v1")}))
            for changes in ({"source_id": "blog"}, {"workspace_id": "another"}):
                asked_elsewhere = msgspec.structs.replace(asked, **changes)
                assert await installation.ask(asked_elsewhere, FoundAnonymous) == FoundAnonymous()

    async def test_a_query_is_answered(self, installation):
        async with installation.role():
            await installation.route(event("m1", properties={"n": 9_007_199_254_740_993}))
            await installation.sync()
            result = await installation.ask(
                QueryWarehouse("SELECT n, received_at FROM shop.order_done", 10, 5.0), QueryResult
            )
            assert result.rows == [[9_007_199_254_740_993, "2030-01-02T10:00:00"]]
            assert result.columns == ["n", "received_at"]

    async def test_a_query_before_the_first_load_says_so(self, installation):
        async with installation.role():
            await installation.sync()
            result = await installation.ask(QueryWarehouse("SELECT 1", 10, 5.0), QueryResult)
            assert result.error == "nothing has been loaded yet"

    async def test_the_status_tells_the_lag(self, installation):
        async with installation.role():
            await installation.sync()
            await installation.route(event("m1"))
            status = await installation.ask(RoleStatus(), StatusReport, role="warehousing")
            assert (status.state, status.lag["ROUTED-0"]) == ("ready", 1)
            await installation.sync()
            status = await installation.ask(RoleStatus(), StatusReport, role="warehousing")
            assert (status.lag["ROUTED-0"], status.counts["events"]) == (0, 1)
