from penstock.api.roles import MEMBER_ID, OWNER_ID, ROLES
from penstock.testing.control_plane import V1


async def test_the_roles_are_the_same_everywhere_and_have_the_known_ids(control):
    roles = (await control.data("GET", "/roles", accept=V1))["roles"]
    assert len(roles) == len(ROLES) == len({role["id"] for role in roles})
    by_id = {role["id"]: role["name"] for role in roles}
    assert by_id[OWNER_ID] == "Workspace Owner"
    assert by_id[MEMBER_ID] == "Minimal Workspace Access"
    assert all(role["description"] and len(role["id"]) in (22, 27) for role in roles)


async def test_roles_come_page_by_page_in_both_directions(control):
    first = await control.data("GET", "/roles?pagination[count]=5", accept=V1)
    cursor = first["pagination"]["next"]
    second = await control.data("GET", f"/roles?pagination[count]=5&pagination[cursor]={cursor}", accept=V1)
    back = second["pagination"]["previous"]
    again = await control.data("GET", f"/roles?pagination[count]=5&pagination[cursor]={back}", accept=V1)
    assert again["roles"] == first["roles"]
    assert [role["name"] for role in first["roles"] + second["roles"]] == [role.name for role in ROLES[:10]]
