"""IAM Users: Users, and invites that become users.

Written by `make docs`; edits here are lost.
"""

from typing import NotRequired, TypedDict

from penstock.client.asking import Ask, quoted
from penstock.client.public_api.shared import (
    AccessPermissionsAnswer,
    Deleted,
    IamRolesLabelInput,
    MinimalUser,
    Pagination,
    Permission,
    PermissionsInput,
    ResourceInput,
)


class InvitesAnswer(TypedDict):
    invites: list[str]
    pagination: Pagination


class InvitePermission(TypedDict):
    """Without resources the role is given on the workspace; labels narrow it there."""

    roleId: str
    resources: NotRequired[list[ResourceInput]]
    labels: NotRequired[list[IamRolesLabelInput]]


class Invite(TypedDict):
    email: str
    permissions: NotRequired[list[InvitePermission]]


class CreateInvites(TypedDict):
    invites: list[Invite]


class EmailsAnswer(TypedDict):
    emails: list[str]


class User(TypedDict):
    id: str
    name: str
    email: str
    permissions: list[Permission]


class UsersAnswer(TypedDict):
    users: list[User]
    pagination: Pagination


class UserAnswer(TypedDict):
    user: User


class CreateInviteToken(TypedDict):
    email: str


class InviteToken(TypedDict):
    email: str
    token: str
    expiresAt: str


class InviteTokenAnswer(TypedDict):
    invite: InviteToken


class AcceptInvite(TypedDict):
    name: NotRequired[str]


class AcceptedAnswer(TypedDict):
    user: MinimalUser
    token: str


class IamUsersApi:
    """Users, and invites that become users."""

    def __init__(self, ask: Ask) -> None:
        self._ask = ask

    def list_invites(self, *, count: int | None = None, cursor: str | None = None) -> InvitesAnswer:
        """The addresses of those who are invited and have not joined, the oldest first."""
        answer: InvitesAnswer = self._ask(
            "GET", "/invites", query={"pagination[count]": count, "pagination[cursor]": cursor}
        )
        return answer

    def create_invites(self, body: CreateInvites) -> EmailsAnswer:
        """Invite people, each with the permissions that they will have. To invite somebody again renews the invite.

        Where a mail server is configured, each gets a letter with a token to join with; else an owner hands one
        over (`createInviteToken`).
        """
        answer: EmailsAnswer = self._ask("POST", "/invites", body=body)
        return answer

    def delete_invites(self, *, emails: list[str]) -> Deleted:
        """Take invites back. Addresses that nobody is invited at are passed over."""
        answer: Deleted = self._ask("DELETE", "/invites", query={"emails": emails})
        return answer

    def list_users(self, *, count: int | None = None, cursor: str | None = None) -> UsersAnswer:
        """The people who have joined the workspace, the oldest invite first; who is only invited is not among them."""
        answer: UsersAnswer = self._ask(
            "GET", "/users", query={"pagination[count]": count, "pagination[cursor]": cursor}
        )
        return answer

    def delete_users(self, *, user_ids: list[str] | None = None) -> Deleted:
        """Remove people with their permissions and their tokens. Ids that nobody has are passed over.

        The last owner cannot be removed (400).
        """
        answer: Deleted = self._ask("DELETE", "/users", query={"userIds": user_ids})
        return answer

    def get_user(self, user_id: str) -> UserAnswer:
        """One of them, with the permissions of their own; those of their groups stand with the groups."""
        answer: UserAnswer = self._ask("GET", f"/users/{quoted(user_id)}")
        return answer

    def add_permissions_to_user(self, user_id: str, body: PermissionsInput) -> AccessPermissionsAnswer:
        """Give somebody permissions beside those that they have; answers all of them."""
        answer: AccessPermissionsAnswer = self._ask("POST", f"/users/{quoted(user_id)}/permissions", body=body)
        return answer

    def replace_permissions_for_user(self, user_id: str, body: PermissionsInput) -> AccessPermissionsAnswer:
        """Give somebody these permissions in the place of those that they have. The last owner stays one (400)."""
        answer: AccessPermissionsAnswer = self._ask("PUT", f"/users/{quoted(user_id)}/permissions", body=body)
        return answer

    def create_invite_token(self, body: CreateInviteToken) -> InviteTokenAnswer:
        """A token with which somebody who is invited can join, for those who hand it over themselves. It is shown
        once.

        Tokens of the same invite from before are good for nothing then.
        """
        answer: InviteTokenAnswer = self._ask("POST", "/penstock/invites/token", body=body)
        return answer

    def accept_invite(self, body: AcceptInvite | None = None) -> AcceptedAnswer:
        """Join the workspace, asked with the token of an invite. The answer holds a token of one's own, shown once."""
        answer: AcceptedAnswer = self._ask("POST", "/penstock/invites/accept", body=body)
        return answer
