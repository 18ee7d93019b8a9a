import pytest

from penstock.api.roles import OWNER_ID, ROLES_BY_NAME
from penstock.resources.workspaces.bootstrap import bootstrap

READING = ROLES_BY_NAME["Source Read-only"].id
PATH = "/penstock/tokens"


@pytest.fixture
def reading(control):
    resource = {"id": control.first_run.workspace_id, "type": "WORKSPACE"}
    return [{"roleId": READING, "resources": [resource]}]


async def test_a_token_may_what_its_roles_say_and_is_told_once(control, reading):
    made = await control.data("POST", PATH, {"name": "ci", "permissions": reading})
    authorization = f"Bearer {made['secret']}"
    await control.data("GET", "/sources", authorization=authorization)
    assert (await control.ask("GET", "/users", authorization=authorization)).status_code == 403
    listed = await control.data("GET", PATH)
    assert [each["name"] for each in listed["tokens"]] == ["first run", "ci"]
    assert [each["isUnbounded"] for each in listed["tokens"]] == [True, False]
    assert listed["tokens"][1] == made["token"]
    assert made["secret"] not in str(listed)


async def test_a_token_that_is_revoked_opens_nothing_more(control, reading):
    made = await control.data("POST", PATH, {"name": "ci", "permissions": reading})
    await control.data("DELETE", f"{PATH}/{made['token']['id']}")
    assert (await control.ask("GET", "/sources", authorization=f"Bearer {made['secret']}")).status_code == 401
    assert (await control.ask("DELETE", f"{PATH}/{made['token']['id']}")).status_code == 404


async def test_a_token_expires(control, reading):
    made = await control.data("POST", PATH, {"name": "ci", "permissions": reading, "expiresInDays": 2})
    authorization = f"Bearer {made['secret']}"
    control.clock.advance(2 * 24 * 3600 - 1)
    assert (await control.ask("GET", "/sources", authorization=authorization)).status_code == 200
    control.clock.advance(1)
    answer = await control.ask("GET", "/sources", authorization=authorization)
    assert (answer.status_code, answer.json()["errors"][0]["message"]) == (401, "the token has expired")


async def test_a_persons_token_has_the_persons_permissions_and_goes_with_the_person(control, reading):
    await control.data("POST", "/invites", {"invites": [{"email": "ada@example.com", "permissions": reading}]})
    user_id = await control.join("ada@example.com")
    made = await control.data("POST", PATH, {"name": "laptop", "userId": user_id})
    assert made["token"]["email"] == "ada@example.com"
    authorization = f"Bearer {made['secret']}"
    await control.data("GET", "/sources", authorization=authorization)
    await control.data("PUT", f"/users/{user_id}/permissions", {"permissions": []})
    assert (await control.ask("GET", "/sources", authorization=authorization)).status_code == 403
    await control.data("DELETE", f"/users?userIds={user_id}")
    assert (await control.ask("GET", "/sources", authorization=authorization)).status_code == 401


async def test_a_token_is_given_rights_in_one_way(control, reading):
    for body in ({"name": "n"}, {"name": "n", "permissions": reading, "userId": "x"}):
        assert (await control.ask("POST", PATH, body)).status_code == 400
    assert (await control.ask("POST", PATH, {"name": "n", "userId": "nobody"})).status_code == 404


async def test_the_token_of_the_first_run_can_be_revoked_and_the_next_start_makes_another(control):
    (first,) = (await control.data("GET", PATH))["tokens"]
    await control.data("DELETE", f"{PATH}/{first['id']}")
    assert (await control.ask("GET", PATH)).status_code == 401
    again = await bootstrap(control.database, control.services, "Test workspace")
    assert again.token not in ("", control.first_run.token)
    control.first_run = again
    assert len((await control.data("GET", PATH))["tokens"]) == 1


class TestWorkspaces:
    async def test_a_second_workspace_has_an_owner_and_sees_nothing_of_the_first(self, control):
        made = await control.data("POST", "/penstock/workspaces", {"name": "Second One"})
        assert made["workspace"]["slug"] == "second-one"
        owner = f"Bearer {made['token']}"
        (source,) = (await control.data("GET", "/sources", authorization=owner))["sources"]
        assert source["writeKeys"] == [made["writeKey"]]
        (warehouse,) = (await control.data("GET", "/warehouses", authorization=owner))["warehouses"]
        assert warehouse["settings"]["file"] == "penstock-second-one.duckdb"
        asked = {
            "name": "n",
            "permissions": [{"roleId": OWNER_ID, "resources": [{"id": made["workspace"]["id"], "type": "WORKSPACE"}]}],
        }
        await control.data("POST", PATH, asked, authorization=owner)
        first = (await control.data("GET", "/sources"))["sources"][0]["id"]
        assert (await control.ask("GET", f"/sources/{first}", authorization=owner)).status_code == 404
        assert (await control.ask("GET", "/penstock/workspaces", authorization=owner)).status_code == 403

    async def test_all_workspaces_are_listed_and_their_slugs_differ(self, control):
        await control.data("POST", "/penstock/workspaces", {"name": "B"})
        again = await control.ask("POST", "/penstock/workspaces", {"name": "b"})
        assert (again.status_code, again.json()["errors"][0]["field"]) == (400, "slug")
        listed = (await control.data("GET", "/penstock/workspaces"))["workspaces"]
        assert [each["slug"] for each in listed] == ["test-workspace", "b"]

    async def test_the_data_plane_is_told_of_the_new_source(self, control):
        made = await control.data("POST", "/penstock/workspaces", {"name": "B"})
        told = [snapshot for _, snapshot in await control.outbox() if snapshot.workspace_id == made["workspace"]["id"]]
        assert {type(each).__name__ for each in told} == {"SourceSnapshot", "WarehouseSnapshot"}
