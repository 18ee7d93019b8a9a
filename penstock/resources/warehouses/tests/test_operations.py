import pytest

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


class TestFiles:
    """Two embedded warehouses in one file would be one: the role refuses the second, so the API does before."""

    async def create(self, control, **asked):
        (first,) = (await control.data("GET", "/warehouses"))["warehouses"][:1]
        authorization = asked.pop("authorization", f"Bearer {control.first_run.token}")
        body = {"metadataId": first["metadata"]["id"], "settings": asked}
        return await control.ask("POST", "/warehouses", body, authorization=authorization)

    @pytest.mark.parametrize("file", [{}, {"file": "penstock.duckdb"}, {"file": "elsewhere/penstock.duckdb"}])
    async def test_the_file_of_another_warehouse_is_refused_naming_the_setting(self, control, file):
        refused = await self.create(control, **file)
        (problem,) = refused.json()["errors"]
        assert (refused.status_code, problem["field"]) == (400, "settings.file")
        assert "penstock.duckdb is another warehouse's" in problem["message"]
        assert len((await control.data("GET", "/warehouses"))["warehouses"]) == 1

    async def test_it_is_refused_for_another_workspace_too(self, control):
        made = await control.data("POST", "/penstock/workspaces", {"name": "Second"})
        owner = f"Bearer {made['token']}"
        for settings in ({}, {"file": "penstock-second.duckdb"}):
            assert (await self.create(control, authorization=owner, **settings)).status_code == 400
        assert (await self.create(control, authorization=owner, file="penstock-b.duckdb")).is_success
        assert (await self.create(control, file="penstock-b.duckdb")).status_code == 400

    async def test_a_change_cannot_take_it_and_what_is_given_up_is_free(self, control):
        made = (await self.create(control, file="penstock-b.duckdb")).json()["data"]["warehouse"]
        path = f"/warehouses/{made['id']}"
        for settings in ({"file": None}, {"file": "penstock.duckdb"}, {"file": "b.duckdb"}):
            refused = await control.ask("PATCH", path, {"settings": settings})
            assert (refused.status_code, refused.json()["errors"][0]["field"]) == (400, "settings.file")
        same = await control.data("PATCH", path, {"settings": {"file": "penstock-b.duckdb", "name": "B"}})
        assert same["warehouse"]["settings"] == {"file": "penstock-b.duckdb", "name": "B"}
        await control.data("PATCH", path, {"settings": {"file": "penstock-c.duckdb"}})
        assert (await self.create(control, file="penstock-b.duckdb")).is_success
        await control.data("DELETE", path)
        assert (await self.create(control, file="penstock-c.duckdb")).is_success

    @pytest.mark.parametrize("file", ["b.duckdb", "penstock", "penstock/../x.duckdb", f"penstock{'x' * 200}.duckdb"])
    async def test_a_name_that_no_file_may_have_is_refused(self, control, file):
        refused = await self.create(control, file=file)
        assert (refused.status_code, refused.json()["errors"][0]["field"]) == (400, "settings.file")
