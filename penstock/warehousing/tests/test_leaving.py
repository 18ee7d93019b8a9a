"""Deletions in files of warehouses that are no more: found before, gone after, told where that cannot be done."""

from pathlib import Path

import pytest

from penstock.catalog.warehouses.duckdb.driver import DuckDBFile
from penstock.catalog.warehouses.sql import SqlWarehouse
from penstock.spec.calls import ForgetPeople, ForgetReport
from penstock.spec.snapshot import SnapshotKind
from penstock.testing.searching import Person, search_files
from penstock.warehousing.tests.conftest import WORKSPACE, event, source, warehouse

PERSON = Person("u-4f1c-forgotten")
MINE = {"userId": "u-4f1c-forgotten"}
GONE = ForgetPeople("W1", ["u-4f1c-forgotten"], has_left=True)


@pytest.fixture
async def left(installation):
    """The role, W1 being deleted with a person in its file, and W2 having a file of its own without them."""
    await installation.publish(source("blog"))
    async with installation.role():
        await installation.route(event("m1", **MINE), event("m2"))
        await installation.route(event("m3", **MINE), source_id="blog")
        await installation.sync()
        assert await installation.store.bury(SnapshotKind.WAREHOUSE, WORKSPACE, "W1", 2)
        await installation.publish(warehouse("W2", created_at=2, sealed_settings=b'{"file":"penstock-2.duckdb"}'))
        yield installation


def found(installation):
    return search_files(Path(installation.settings.data), PERSON).get("embedded warehouse")


def file_of(installation):
    return Path(installation.settings.data) / "warehouse" / "penstock.duckdb"


async def test_a_person_goes_from_the_file_of_a_warehouse_that_was_deleted(left):
    assert found(left)
    report = await left.ask(GONE, ForgetReport)
    assert report.error == ""
    assert report.rows == {"shop.order_done": 1, "shop.tracks": 1, "blog.order_done": 1, "blog.tracks": 1}
    assert not found(left)
    assert await left.ask(GONE, ForgetReport) == ForgetReport()


async def test_the_search_finds_them_where_rows_stay_or_the_file_is_not_written_anew(left, monkeypatch):
    monkeypatch.setattr(DuckDBFile, "rewrite", lambda _: None)
    with monkeypatch.context() as patch:
        patch.setattr(SqlWarehouse, "forget", lambda *_: {})
        assert await left.ask(GONE, ForgetReport) == ForgetReport()
        assert found(left)
    assert (await left.ask(GONE, ForgetReport)).rows
    assert found(left)
    monkeypatch.undo()
    assert await left.ask(GONE, ForgetReport) == ForgetReport(), "as after a kill before the file was written anew"
    assert not found(left)


async def test_a_deletion_of_one_source_leaves_the_rows_of_others(left):
    report = await left.ask(ForgetPeople("W1", GONE.user_ids, "blog", has_left=True), ForgetReport)
    assert report.rows == {"blog.order_done": 1, "blog.tracks": 1}
    assert found(left)


async def test_a_file_is_known_by_who_loaded_into_it_whatever_it_is_called_and_whoever_names_it(left):
    await left.publish(warehouse("W3", created_at=3))
    assert "W3" in (await left.sync()).errors, "one owner for each file"
    stranger = ForgetPeople("W9", GONE.user_ids, has_left=True)
    assert await left.ask(stranger, ForgetReport) == ForgetReport()
    assert found(left)
    file_of(left).rename(file_of(left).with_name("moved.duckdb"))
    assert "warehouse/moved.duckdb" in found(left)
    assert (await left.ask(GONE, ForgetReport)).rows
    assert "warehouse/moved.duckdb" not in found(left)
    assert any("penstock-2" in place for place in found(left)), "in the file of W2, which has its own turn"


async def test_a_file_that_was_removed_is_no_error_and_one_that_cannot_be_opened_is(left):
    kept = file_of(left).read_bytes()
    file_of(left).write_bytes(b"nothing that DuckDB has written")
    report = await left.ask(GONE, ForgetReport)
    assert report.error.endswith("cannot be opened: penstock.duckdb")
    file_of(left).write_bytes(kept)
    assert (await left.ask(GONE, ForgetReport)).error == ""
    assert not found(left)
    file_of(left).unlink()
    assert await left.ask(GONE, ForgetReport) == ForgetReport()


async def test_a_warehouse_that_has_another_file_now_loses_the_person_in_both(installation):
    async with installation.role() as role:
        await installation.route(event("m1", **MINE))
        await installation.sync()
        await installation.publish(warehouse(version=2, sealed_settings=b'{"file":"penstock-2.duckdb"}'))
        await installation.sync()
        assert await installation.query(role, "SELECT id FROM shop.tracks") == [["m1"]]
        report = await installation.ask(GONE, ForgetReport)
        assert report.rows == {"shop.order_done": 2, "shop.tracks": 2}
        assert not found(installation)


async def test_without_left_files_a_warehouse_that_is_not_there_is_an_error(left):
    report = await left.ask(ForgetPeople("W1", GONE.user_ids), ForgetReport)
    assert report.error == "there is no such warehouse, or it is disabled"
    assert found(left)


async def test_what_stands_in_the_log_of_changes_alone_goes_too(installation):
    """As where the process was killed, and the warehouse deleted before the next one began."""
    async with installation.role():
        await installation.route(event("m1", **MINE))
        await installation.sync()
        log = file_of(installation).with_name("penstock.duckdb.wal")
        kept = {file: file.read_bytes() for file in (file_of(installation), log)}
    for file, content in kept.items():
        file.write_bytes(content)
    assert found(installation) == {"warehouse/penstock.duckdb", "warehouse/penstock.duckdb.wal"}
    assert await installation.store.bury(SnapshotKind.WAREHOUSE, WORKSPACE, "W1", 2)
    async with installation.role():
        assert (await installation.ask(GONE, ForgetReport)).rows
        assert not found(installation)
        assert not log.exists()
