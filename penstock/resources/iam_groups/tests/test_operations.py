import pytest

from penstock.api.roles import OWNER_ID, ROLES_BY_NAME
from penstock.testing.control_plane import V1

ADA, BOB = "Ada@example.com", "bob@example.com"
SOURCE_ADMIN = ROLES_BY_NAME["Source Admin"].id


@pytest.fixture
async def group(control):
    """A group of which Ada, a user, and Bob, who is only invited, are members."""
    await control.data("POST", "/invites", {"invites": [{"email": ADA}, {"email": BOB}]})
    await control.join(ADA)
    made = (await control.data("POST", "/groups", {"name": "Team"}, accept=V1))["userGroup"]
    assert made == {"id": made["id"], "name": "Team", "memberCount": 0, "permissions": []}
    await control.data("POST", f"/groups/{made['id']}/users", {"emails": [ADA, BOB]})
    return made["id"]


def owning(control):
    return {"permissions": [{"roleId": OWNER_ID, "resources": [workspace(control)]}]}


def workspace(control):
    return {"id": control.first_run.workspace_id, "type": "WORKSPACE"}


async def members(control, group):
    users = (await control.data("GET", f"/groups/{group}/users"))["users"]
    invited = (await control.data("GET", f"/groups/{group}/invites"))["emails"]
    return [each["email"] for each in users], invited


async def test_users_and_invited_people_are_members(control, group):
    assert await members(control, group) == ([ADA], [BOB])
    assert (await control.data("GET", f"/groups/{group}"))["userGroup"]["memberCount"] == 2


async def test_who_joins_stays_a_member(control, group):
    await control.join(BOB)
    users, invited = await members(control, group)
    assert (sorted(users), invited) == ([ADA, BOB], [])


async def test_adding_again_changes_nothing(control, group):
    answer = await control.data("POST", f"/groups/{group}/users", {"emails": [ADA.upper(), BOB]})
    assert answer["userGroup"]["memberCount"] == 2


async def test_replacing_leaves_those_who_are_named_alone(control, group):
    answer = await control.data("PUT", f"/group/{group}/users", {"emails": [BOB]})
    assert answer["userGroup"]["memberCount"] == 1
    assert await members(control, group) == ([], [BOB])
    assert (await control.data("PUT", f"/group/{group}/users", {"emails": []}))["userGroup"]["memberCount"] == 0


async def test_removing_passes_over_strangers(control, group):
    await control.data("DELETE", f"/group/{group}/users?emails.0={ADA}&emails.1=nobody@x")
    assert await members(control, group) == ([], [BOB])


async def test_nobody_who_is_neither_user_nor_invited_becomes_a_member(control, group):
    answer = await control.ask("POST", f"/groups/{group}/users", {"emails": [ADA, "x@y"]}, accept=V1)
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "emails.1")


async def test_the_groups_of_a_user_are_listed(control, group):
    (ada,) = (await control.data("GET", "/users"))["users"]
    found = await control.data("GET", f"/users/{ada['id']}/groups", accept=V1)
    assert found["groups"] == [{"id": group, "name": "Team"}]


async def test_a_group_shows_its_permissions_wherever_it_is_shown(control, group):
    labels = [{"key": "environment", "value": "dev", "description": "d"}]
    wanted = [{"roleId": SOURCE_ADMIN, "resources": [workspace(control) | {"labels": labels}]}]
    shown = [wanted[0] | {"roleName": "Source Admin"}]
    path = f"/groups/{group}/permissions"
    assert (await control.data("PUT", path, {"permissions": wanted}))["permissions"] == shown
    assert (await control.data("PATCH", f"/groups/{group}", {"name": "T"}))["userGroup"]["permissions"] == shown
    (listed,) = (await control.data("GET", "/groups"))["userGroups"]
    assert (listed["permissions"], listed["name"]) == (shown, "T")
    assert len((await control.data("POST", path, owning(control)))["permissions"]) == 2


async def test_the_last_owner_is_not_lost_by_way_of_a_group(control, group):
    await control.data("PUT", f"/groups/{group}/permissions", owning(control))
    for method, path, body in (
        ("PUT", f"/groups/{group}/permissions", {"permissions": []}),
        ("PUT", f"/group/{group}/users", {"emails": [BOB]}),
        ("DELETE", f"/group/{group}/users?emails={ADA}", None),
        ("DELETE", f"/groups/{group}", None),
    ):
        answer = await control.ask(method, path, body)
        assert answer.json()["errors"][0]["message"] == "the workspace would be left without an owner", path
    await control.join(BOB)
    await control.data("DELETE", f"/group/{group}/users?emails={ADA}")


async def test_a_group_that_is_deleted_leaves_its_members(control, group):
    await control.data("DELETE", f"/groups/{group}")
    assert (await control.ask("GET", f"/groups/{group}")).status_code == 404
    assert len((await control.data("GET", "/users"))["users"]) == 1
