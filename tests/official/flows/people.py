"""Who may do what: roles, invites, users, groups and the trail of what they did."""

from typing import Any

from penstock.api.roles import MEMBER_ID
from tests.official.asking import Asking
from tests.official.flows.connections import PAGE


def people(ask: Asking) -> None:
    workspace = {"id": ask("getWorkspace")["workspace"]["id"], "type": "WORKSPACE"}
    assert MEMBER_ID in [each["id"] for page in ask.pages("listRoles", "roles", 3) for each in page]
    member = {"permissions": [{"roleId": MEMBER_ID, "resources": [workspace]}]}
    joined, invited = (f"{name}+{ask.client.name}@example.com" for name in ("Ada", "Grace"))
    invites = [{"email": email, **member} for email in (joined, invited)]
    assert ask("createInvites", {"invites": invites})["emails"] == [joined, invited]
    user = {"userId": ask.join(joined)}
    assert invited in ask("listInvites", pagination=PAGE)["invites"]
    assert ask("getUser", **user)["user"]["email"] == joined
    assert joined in [each["email"] for page in ask.pages("listUsers", "users", 2) for each in page]
    ask("addPermissionsToUser", member, **user)
    ask("replacePermissionsForUser", member, **user)
    _groups(ask, user, member, [joined, invited])
    ask("deleteInvites", emails=[invited, "nobody@example.com"])
    ask("deleteUsers", userIds=[user["userId"], "nothing"])
    ask.refused("getUser", 404, **user)
    ask("listAuditEvents", pagination=PAGE)


def _groups(ask: Asking, user: dict[str, Any], member: dict[str, Any], emails: list[str]) -> None:
    made = ask("createUserGroup", {"name": f"Team {ask.client.name}"})["userGroup"]
    one = {"userGroupId": made["id"]}
    assert made["id"] in [each["id"] for page in ask.pages("listUserGroups", "userGroups", 2) for each in page]
    ask("updateUserGroup", {"name": f"Crew {ask.client.name}"}, **one)
    ask("addUsersToUserGroup", {"emails": emails[:1]}, **one)
    ask("replaceUsersInUserGroup", {"emails": emails}, **one)
    ask("addPermissionsToUserGroup", member, **one)
    ask("replacePermissionsForUserGroup", member, **one)
    assert ask("getUserGroup", **one)["userGroup"]["memberCount"] == len(emails)
    assert [each["email"] for each in ask("listUsersFromUserGroup", pagination=PAGE, **one)["users"]] == emails[:1]
    assert ask("listInvitesFromUserGroup", pagination=PAGE, **one)["emails"] == emails[1:]
    assert [each["id"] for each in ask("listUserGroupsFromUser", pagination=PAGE, **user)["groups"]] == [made["id"]]
    ask("removeUsersFromUserGroup", emails=emails, **one)
    ask("deleteUserGroup", **one)
    ask.refused("getUserGroup", 404, **one)
