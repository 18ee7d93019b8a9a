"""IAM Groups: Groups of people, which have permissions that all their members have.

Written by `make docs`; edits here are lost.
"""

from typing import TypedDict

from penstock.client.asking import Ask, quoted
from penstock.client.public_api.shared import (
    AccessPermissionsAnswer,
    Deleted,
    MinimalUser,
    Pagination,
    Permission,
    PermissionsInput,
)


class Group(TypedDict):
    """Those who are only invited count as members."""

    id: str
    name: str
    memberCount: int
    permissions: list[Permission]


class GroupsAnswer(TypedDict):
    userGroups: list[Group]
    pagination: Pagination


class NameInput(TypedDict):
    name: str


class GroupAnswer(TypedDict):
    userGroup: Group


class InvitedMembersAnswer(TypedDict):
    emails: list[str]
    pagination: Pagination


class MembersAnswer(TypedDict):
    users: list[MinimalUser]
    pagination: Pagination


class EmailsInput(TypedDict):
    emails: list[str]


class MinimalGroup(TypedDict):
    id: str
    name: str


class GroupsOfUserAnswer(TypedDict):
    groups: list[MinimalGroup]
    pagination: Pagination


class IamGroupsApi:
    """Groups of people, which have permissions that all their members have."""

    def __init__(self, ask: Ask) -> None:
        self._ask = ask

    def list_user_groups(self, *, count: int | None = None, cursor: str | None = None) -> GroupsAnswer:
        """The groups of the workspace, the oldest first."""
        answer: GroupsAnswer = self._ask(
            "GET", "/groups", query={"pagination[count]": count, "pagination[cursor]": cursor}
        )
        return answer

    def create_user_group(self, body: NameInput) -> GroupAnswer:
        """Make a group, with no members and no permissions."""
        answer: GroupAnswer = self._ask("POST", "/groups", body=body)
        return answer

    def get_user_group(self, user_group_id: str) -> GroupAnswer:
        """One group."""
        answer: GroupAnswer = self._ask("GET", f"/groups/{quoted(user_group_id)}")
        return answer

    def update_user_group(self, user_group_id: str, body: NameInput) -> GroupAnswer:
        """Give a group another name."""
        answer: GroupAnswer = self._ask("PATCH", f"/groups/{quoted(user_group_id)}", body=body)
        return answer

    def delete_user_group(self, user_group_id: str) -> Deleted:
        """Delete a group. Its members stay, without what they had by it; the last owner stays one (400)."""
        answer: Deleted = self._ask("DELETE", f"/groups/{quoted(user_group_id)}")
        return answer

    def list_invites_from_user_group(
        self, user_group_id: str, *, count: int | None = None, cursor: str | None = None
    ) -> InvitedMembersAnswer:
        """The addresses of the members who are only invited."""
        answer: InvitedMembersAnswer = self._ask(
            "GET",
            f"/groups/{quoted(user_group_id)}/invites",
            query={"pagination[count]": count, "pagination[cursor]": cursor},
        )
        return answer

    def list_users_from_user_group(
        self, user_group_id: str, *, count: int | None = None, cursor: str | None = None
    ) -> MembersAnswer:
        """The members who have joined the workspace."""
        answer: MembersAnswer = self._ask(
            "GET",
            f"/groups/{quoted(user_group_id)}/users",
            query={"pagination[count]": count, "pagination[cursor]": cursor},
        )
        return answer

    def add_users_to_user_group(self, user_group_id: str, body: EmailsInput) -> GroupAnswer:
        """Put people into a group, by their addresses: users, and those who are invited."""
        answer: GroupAnswer = self._ask("POST", f"/groups/{quoted(user_group_id)}/users", body=body)
        return answer

    def replace_users_in_user_group(self, user_group_id: str, body: EmailsInput) -> GroupAnswer:
        """Put these people into a group in the place of all who are in it. The last owner stays one (400)."""
        answer: GroupAnswer = self._ask("PUT", f"/group/{quoted(user_group_id)}/users", body=body)
        return answer

    def remove_users_from_user_group(self, user_group_id: str, *, emails: list[str]) -> Deleted:
        """Take people out of a group. Addresses of nobody in it are passed over. The last owner stays one (400)."""
        answer: Deleted = self._ask("DELETE", f"/group/{quoted(user_group_id)}/users", query={"emails": emails})
        return answer

    def add_permissions_to_user_group(self, user_group_id: str, body: PermissionsInput) -> AccessPermissionsAnswer:
        """Give a group permissions beside those that it has; answers all of them."""
        answer: AccessPermissionsAnswer = self._ask("POST", f"/groups/{quoted(user_group_id)}/permissions", body=body)
        return answer

    def replace_permissions_for_user_group(self, user_group_id: str, body: PermissionsInput) -> AccessPermissionsAnswer:
        """Give a group these permissions in the place of those that it has. The last owner stays one (400)."""
        answer: AccessPermissionsAnswer = self._ask("PUT", f"/groups/{quoted(user_group_id)}/permissions", body=body)
        return answer

    def list_user_groups_from_user(
        self, user_id: str, *, count: int | None = None, cursor: str | None = None
    ) -> GroupsOfUserAnswer:
        """The groups that a user is in, the oldest first."""
        answer: GroupsOfUserAnswer = self._ask(
            "GET", f"/users/{quoted(user_id)}/groups", query={"pagination[count]": count, "pagination[cursor]": cursor}
        )
        return answer
