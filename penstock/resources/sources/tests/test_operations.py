import pytest
from sqlalchemy import text

from penstock.spec.snapshot import SnapshotKind
from penstock.testing.control_plane import ALPHA, V1

HTTP_API = "iUM16Md8P2"


async def make(control, slug="shop", **body):
    return (await control.data("POST", "/sources", {"slug": slug, "metadataId": HTTP_API, **body}))["source"]


class TestCreateSource:
    async def test_a_source_has_a_write_key_and_mirrors_its_slug_as_name(self, control):
        source = await make(control)
        assert len(source["writeKeys"]) == 1
        assert len(source["writeKeys"][0]) == 32
        assert source["name"] == source["slug"] == "shop"
        assert source["enabled"] is True
        assert source["workspaceId"] == control.first_run.workspace_id

    async def test_the_data_plane_is_told_in_the_same_transaction(self, control):
        source = await make(control, slug="My-Shop", enabled=False)
        envelope, snapshot = (await control.outbox())[-1]
        assert (envelope.kind, envelope.version) == (SnapshotKind.SOURCE, 1)
        assert snapshot.write_keys == source["writeKeys"]
        assert snapshot.schema_name == "my_shop"
        assert snapshot.platform == "server"
        assert not snapshot.enabled
        assert len(control.published) == 1

    async def test_two_slugs_with_one_schema_name_get_two_schemas(self, control):
        await make(control, slug="my-shop")
        await make(control, slug="my_shop")
        names = [snapshot.schema_name for envelope, snapshot in await control.outbox() if envelope.kind == "source"]
        assert names[-2:] == ["my_shop", "my_shop_2"]

    async def test_a_slug_that_is_taken_is_refused_by_name(self, control):
        await make(control)
        answer = await control.ask("POST", "/sources", {"slug": "shop", "metadataId": HTTP_API})
        assert answer.status_code == 400
        assert answer.json()["errors"][0]["type"] == "bad-request"
        assert answer.json()["errors"][0]["field"] == "slug"

    @pytest.mark.parametrize("slug", ["", "with space", "-x", "ü", "x" * 256])
    async def test_a_slug_that_is_none_is_refused_by_name(self, control, slug):
        answer = await control.ask("POST", "/sources", {"slug": slug, "metadataId": HTTP_API})
        assert answer.status_code == 400
        assert answer.json()["errors"][0]["field"] == "slug"

    async def test_unknown_metadata_is_refused_by_name(self, control):
        answer = await control.ask("POST", "/sources", {"slug": "shop", "metadataId": "zzz"})
        assert answer.status_code == 400
        assert answer.json()["errors"][0] == {
            "type": "input-validation",
            "message": '"metadataId" zzz is not in the catalog of sources',
            "field": "metadataId",
        }

    async def test_nothing_is_left_of_a_source_that_was_refused(self, control):
        before = await control.outbox()
        await control.ask("POST", "/sources", {"slug": "a b", "metadataId": HTTP_API})
        assert await control.outbox() == before
        assert (await control.data("GET", "/sources"))["pagination"]["totalEntries"] == 1

    async def test_a_source_without_warehouses_is_excluded_from_all(self, control):
        source = await make(control, disconnectAllWarehouses=True)
        (snapshot,) = [each for envelope, each in (await control.outbox())[-2:] if envelope.kind == "warehouse"]
        assert snapshot.excluded == [source["id"]]
        await control.data("DELETE", f"/sources/{source['id']}")
        (forgotten,) = [each for envelope, each in (await control.outbox())[-2:] if envelope.kind == "warehouse"]
        assert forgotten.excluded == []

    async def test_the_alpha_version_takes_a_name(self, control):
        body = {"slug": "shop", "metadataId": HTTP_API, "enabled": True, "name": "Shop"}
        source = (await control.data("POST", "/sources", body, accept=ALPHA))["source"]
        assert source["name"] == "Shop"
        assert (await control.ask("POST", "/sources", body | {"slug": "b"}, accept=V1)).status_code == 422


class TestUpdateSource:
    async def test_what_is_not_sent_stays(self, control):
        source = await make(control, settings={"a": 1, "b": {"c": [1.5, None]}})
        changed = (await control.data("PATCH", f"/sources/{source['id']}", {"name": "Shop"}))["source"]
        assert changed == source | {"name": "Shop"}

    async def test_settings_are_merged_and_null_removes_a_key(self, control):
        source = await make(control, settings={"a": 1, "b": 2, "c": 3})
        body = {"settings": {"b": None, "never": None, "d": "x"}}
        changed = (await control.data("PATCH", f"/sources/{source['id']}", body))["source"]
        assert changed["settings"] == {"a": 1, "c": 3, "d": "x"}

    async def test_the_schema_name_stays_when_the_slug_changes(self, control):
        source = await make(control)
        await control.data("PATCH", f"/sources/{source['id']}", {"slug": "store"})
        envelope, snapshot = (await control.outbox())[-1]
        assert (envelope.version, snapshot.slug, snapshot.schema_name) == (2, "store", "shop")

    async def test_its_own_slug_is_not_taken(self, control):
        source = await make(control)
        assert await control.data("PATCH", f"/sources/{source['id']}", {"slug": "shop"})

    async def test_each_kind_of_change_is_recorded(self, control):
        source = await make(control)
        await control.data("PATCH", f"/sources/{source['id']}", {"enabled": False, "settings": {"a": 1}})
        async with control.database.reading() as connection:
            query = text("SELECT type FROM audit_events WHERE resource_id = :id")
            rows = await connection.execute(query, {"id": source["id"]})
            assert {row.type for row in rows} == {
                "Source Created",
                "Source Modified",
                "Source Disabled",
                "Source Settings Modified",
            }


class TestDeleteSource:
    async def test_a_deleted_source_is_buried_above_its_version(self, control):
        source = await make(control)
        assert await control.data("DELETE", f"/sources/{source['id']}") == {"status": "SUCCESS"}
        envelope, snapshot = (await control.outbox())[-1]
        assert (envelope.id, envelope.version, envelope.is_deleted, snapshot) == (source["id"], 2, True, None)
        assert (await control.ask("GET", f"/sources/{source['id']}")).status_code == 404
        assert (await control.ask("DELETE", f"/sources/{source['id']}")).status_code == 404


class TestGetSource:
    async def test_who_may_only_read_sees_no_write_keys(self, control):
        token = await control.token_with("source:read")
        source = await make(control)
        seen = (await control.data("GET", f"/sources/{source['id']}", authorization=token))["source"]
        assert seen["writeKeys"] == []
        assert (await control.ask("DELETE", f"/sources/{source['id']}", authorization=token)).status_code == 403

    async def test_sources_of_another_workspace_are_not_there(self, control):
        source = await make(control)
        token = await control.token_with("*", workspace_id="another")
        for method in ("GET", "PATCH", "DELETE"):
            answer = await control.ask(method, f"/sources/{source['id']}", {}, authorization=token)
            assert answer.status_code == 404
        assert (await control.data("GET", "/sources", authorization=token))["sources"] == []


class TestListSources:
    @pytest.mark.parametrize("extra", [0, 1])
    async def test_a_full_last_page_has_no_next(self, control, extra):
        for number in range(3 + extra):
            await make(control, slug=f"s{number}")
        data = await control.data("GET", "/sources?pagination[count]=4")
        assert len(data["sources"]) == 4
        assert ("next" in data["pagination"]) == bool(extra)
        assert data["pagination"]["totalEntries"] == 4 + extra

    async def test_walking_ends_and_sees_each_source_once_although_some_come_and_go(self, control):
        made = [(await make(control, slug=f"s{number}"))["id"] for number in range(7)]
        seen, cursor = [], "MA=="
        while cursor:
            data = await control.data("GET", f"/sources?pagination.count=2&pagination.cursor={cursor}")
            seen += [source["id"] for source in data["sources"]]
            if len(seen) == 4:
                await control.data("DELETE", f"/sources/{seen[0]}")
            cursor = data["pagination"].get("next")
        assert seen[1:] == made
        assert len(seen) == len(set(seen))

    async def test_walking_back_gives_the_pages_of_walking_on(self, control):
        for number in range(6):
            await make(control, slug=f"s{number}")
        pages, cursor = [], "MA=="
        while cursor:
            data = await control.data("GET", f"/sources?pagination.count=2&pagination.cursor={cursor}")
            pages.append([source["slug"] for source in data["sources"]])
            assert ("previous" in data["pagination"]) == (len(pages) > 1)
            cursor = data["pagination"].get("next")
        back = [pages[-1]]
        while cursor := data["pagination"].get("previous"):
            data = await control.data("GET", f"/sources?pagination.count=2&pagination.cursor={cursor}")
            back.insert(0, [source["slug"] for source in data["sources"]])
        assert back == pages
