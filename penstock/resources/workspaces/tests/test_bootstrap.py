import pytest

from penstock.resources.workspaces.bootstrap import bootstrap


async def test_a_second_start_finds_the_token_and_the_write_key_of_the_first(control):
    again = await bootstrap(control.database, control.services, "Another name")
    assert again == control.first_run
    assert (await control.data("GET", "/workspace"))["workspace"]["name"] == "Test workspace"


async def test_the_first_run_makes_a_source_and_a_warehouse_that_loads_it(control):
    (source,) = (await control.data("GET", "/sources"))["sources"]
    assert (source["slug"], source["writeKeys"]) == ("my-first-source", [control.first_run.write_key])
    (warehouse,) = (await control.data("GET", "/warehouses"))["warehouses"]
    assert (warehouse["metadata"]["slug"], warehouse["settings"]) == ("duckdb", {"name": "DuckDB"})
    kinds = [envelope.kind for envelope, _ in await control.outbox()]
    assert kinds == ["source", "warehouse"]


@pytest.mark.one_database
async def test_the_token_stands_nowhere_in_the_clear(control, tmp_path):
    await control.database.close()
    assert not any(control.first_run.token.encode() in file.read_bytes() for file in tmp_path.iterdir())


async def test_without_sources_the_second_start_has_no_write_key(control):
    (source,) = (await control.data("GET", "/sources"))["sources"]
    await control.data("DELETE", f"/sources/{source['id']}")
    again = await bootstrap(control.database, control.services, "x")
    assert (again.token, again.write_key) == (control.first_run.token, "")
