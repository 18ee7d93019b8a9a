"""The scenario's part of people: roles, invites, users, groups and the audit trail."""

from penstock.api.roles import MEMBER_ID, OWNER_ID, ROLES_BY_NAME
from penstock.testing.control_plane import V1
from tests.contract.case import Case

SOURCE_ADMIN = ROLES_BY_NAME["Source Admin"].id


async def prepare(control, source_id):
    """Ids of one of everything: an owner, another user, somebody invited, a group with both."""
    workspace_id = control.first_run.workspace_id
    resource = {"id": workspace_id, "type": "WORKSPACE"}
    labels = [{"key": "environment", "value": "dev"}]
    invites = [
        {"email": "owner@example.com", "permissions": [{"roleId": OWNER_ID, "resources": [resource]}]},
        {"email": "Ada@example.com", "permissions": [{"roleId": SOURCE_ADMIN, "labels": labels}]},
        {"email": "invited@example.com"},
    ]
    await control.data("POST", "/invites", {"invites": invites}, accept=V1)
    await control.join("owner@example.com")
    user_id = await control.join("Ada@example.com")
    group = (await control.data("POST", "/groups", {"name": "Team"}))["userGroup"]
    members = {"emails": ["Ada@example.com", "invited@example.com"]}
    await control.data("POST", f"/groups/{group['id']}/users", members)
    given = {"permissions": [{"roleId": SOURCE_ADMIN, "resources": [{"id": source_id, "type": "SOURCE"}]}]}
    await control.data("POST", f"/groups/{group['id']}/permissions", given)
    return {"user": user_id, "group": group["id"], "workspace": workspace_id}


def cases(ids):
    workspace = {"id": ids["workspace"], "type": "WORKSPACE"}
    labels = [{"key": "environment", "value": "dev"}]
    given = {
        "permissions": [
            {"roleId": SOURCE_ADMIN, "resources": [workspace | {"labels": labels}]},
            {"roleId": MEMBER_ID, "resources": [workspace]},
        ]
    }
    wrong = {"permissions": [{"roleId": "nothing", "resources": [workspace]}]}
    return [
        Case("listRoles", "GET", "/roles"),
        Case("listAuditEvents", "GET", "/audit-events"),
        *user_cases(ids, given, wrong),
        *group_cases(ids, given, wrong),
    ]


def user_cases(ids, given, wrong):
    one, none = f"/users/{ids['user']}", "/users/nothing"
    role = "permissions.0.roleId"
    invites = {"invites": [{"email": "new@example.com", "permissions": given["permissions"][1:]}]}
    unspelled = {"invites": [{"email": "nobody"}]}
    return [
        Case("createInvites", "POST", "/invites", "", invites, unspelled, "invites.0.email"),
        Case("listInvites", "GET", "/invites"),
        Case("deleteInvites", "DELETE", "/invites?emails.0=new@example.com&emails.1=nobody"),
        Case("listUsers", "GET", "/users"),
        Case("getUser", "GET", one, none),
        Case("listUserGroupsFromUser", "GET", f"{one}/groups", f"{none}/groups"),
        Case("addPermissionsToUser", "POST", f"{one}/permissions", f"{none}/permissions", given, wrong, role),
        Case("replacePermissionsForUser", "PUT", f"{one}/permissions", f"{none}/permissions", given, wrong, role),
    ]


def group_cases(ids, given, wrong):
    one, none = f"/groups/{ids['group']}", "/groups/nothing"
    singular, no_singular = f"/group/{ids['group']}/users", "/group/nothing/users"
    role, emails = "permissions.0.roleId", {"emails": ["Ada@example.com", "invited@example.com"]}
    strange = {"emails": ["nobody@example.com"]}
    return [
        Case("listUserGroups", "GET", "/groups"),
        Case("createUserGroup", "POST", "/groups", "", {"name": "n"}, {"name": ""}, "name"),
        Case("getUserGroup", "GET", one, none),
        Case("updateUserGroup", "PATCH", one, none, {"name": "m"}, {"name": 1}, "name"),
        Case("listUsersFromUserGroup", "GET", f"{one}/users", f"{none}/users"),
        Case("listInvitesFromUserGroup", "GET", f"{one}/invites", f"{none}/invites"),
        Case("addUsersToUserGroup", "POST", f"{one}/users", f"{none}/users", emails, strange, "emails.0"),
        Case("replaceUsersInUserGroup", "PUT", singular, no_singular, emails, strange, "emails.0"),
        Case("removeUsersFromUserGroup", "DELETE", f"{singular}?emails=x@y", f"{no_singular}?emails=x@y"),
        Case("addPermissionsToUserGroup", "POST", f"{one}/permissions", f"{none}/permissions", given, wrong, role),
        Case("replacePermissionsForUserGroup", "PUT", f"{one}/permissions", f"{none}/permissions", given, wrong, role),
        Case("deleteUserGroup", "DELETE", one, none),
        Case("deleteUsers", "DELETE", f"/users?userIds.0={ids['user']}&userIds.1=nothing"),
    ]
