"""Whether a warehouse can be connected to is tried, and the step at which it ends is told."""

import msgspec
import pytest

from penstock.spec.calls import ValidateWarehouse, ValidationReport

from .conftest import warehouse


async def validate(installation, slug, settings, warehouse_id=""):
    call = ValidateWarehouse(slug, msgspec.json.encode(settings), warehouse_id)
    return await installation.ask(call, ValidationReport)


@pytest.mark.parametrize(
    ("changes", "step"),
    [
        ({}, ""),
        ({"hostname": ""}, "settings"),
        ({"port": "x"}, "settings"),
        ({"hostname": "no-such-host.invalid"}, "name"),
        ({"port": "1"}, "network"),
        ({"password": "wrong"}, "login"),
        ({"database": "nothing"}, "login"),
        ({"username": "maker_of_nothing", "password": "r"}, "permission"),
    ],
)
async def test_the_step_at_which_postgres_ends_is_named(installation, postgres_server, changes, step):
    database = postgres_server.database()
    with postgres_server.connect(database) as connection:
        connection.execute("DROP ROLE IF EXISTS maker_of_nothing")
        connection.execute("CREATE ROLE maker_of_nothing LOGIN PASSWORD 'r'")
    async with installation.role():
        report = await validate(installation, "postgres", postgres_server.settings(database) | changes)
    assert (report.step, report.is_connected) == (step, not step)


async def test_a_kind_without_a_driver_says_so(installation):
    async with installation.role():
        report = await validate(installation, "snowflake", {})
    assert (report.step, "no driver" in report.reason) == ("settings", True)


async def test_the_embedded_file_is_there_for_one_warehouse(installation):
    async with installation.role():
        assert (await validate(installation, "duckdb", {}, "W1")).is_connected
        report = await validate(installation, "duckdb", {})
    assert "uses the same target" in report.reason


async def test_settings_that_cannot_be_read_are_no_way_in(installation):
    async with installation.role():
        report = await installation.ask(ValidateWarehouse("duckdb", b"{"), ValidationReport)
    assert report.step == "settings"


async def test_the_reason_of_a_warehouse_that_cannot_be_opened_stands_in_the_status(installation, postgres_server):
    settings = postgres_server.settings(postgres_server.database()) | {"password": "wrong"}
    sealed = msgspec.json.encode(settings)
    await installation.publish(warehouse("W2", slug="postgres", sealed_settings=sealed, created_at=2))
    async with installation.role():
        report = await installation.sync()
    assert report.errors["W2"].startswith("login:")
