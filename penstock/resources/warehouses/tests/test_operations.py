from penstock.testing.control_plane import V1


async def test_the_first_runs_warehouse_is_told_with_its_name_in_its_settings(control):
    (listed,) = (await control.data("GET", "/warehouses", accept=V1))["warehouses"]
    assert listed["settings"] == {"name": "DuckDB"}
    assert listed["workspaceId"] == control.first_run.workspace_id
    assert (await control.data("GET", f"/warehouses/{listed['id']}", accept=V1))["warehouse"] == listed


async def test_a_warehouse_of_another_workspace_is_not_there(control):
    (listed,) = (await control.data("GET", "/warehouses"))["warehouses"]
    token = await control.token_with("*", workspace_id="another")
    assert (await control.ask("GET", f"/warehouses/{listed['id']}", authorization=token)).status_code == 404
    assert (await control.data("GET", "/warehouses", authorization=token))["warehouses"] == []


async def test_warehousing_is_told_its_kind_and_that_it_loads_every_source(control):
    (snapshot,) = [each for envelope, each in await control.outbox() if envelope.kind == "warehouse"]
    assert (snapshot.slug, snapshot.enabled, snapshot.excluded) == ("duckdb", True, [])
    assert control.sealer.open(snapshot.sealed_settings) == b"{}"
