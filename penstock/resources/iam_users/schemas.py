"""What the API takes and tells of people and invites."""

from typing import Annotated

from pydantic import BeforeValidator, Field

from penstock.api.query import listed
from penstock.api.schema import Answer, Input, Pagination
from penstock.resources.iam_roles import LabelInput, Permission, ResourceInput

AT_ONCE = 200
"""Addresses in one request."""
Email = Annotated[str, Field(max_length=254, pattern=r"^[^\s@,;<>\"]+@[^\s@,;<>\"]+$")]
RoleId = Annotated[str, Field(min_length=1, max_length=255)]


class InvitePermission(Input):
    """Without resources the role is given on the workspace; labels narrow it there."""

    role_id: RoleId
    resources: Annotated[list[ResourceInput], Field(max_length=500)] = Field(default=[])
    labels: Annotated[list[LabelInput], Field(max_length=20)] = Field(default=[])


class Invite(Input):
    email: Email
    permissions: Annotated[list[InvitePermission], Field(max_length=200)] = Field(default=[])


class CreateInvites(Input):
    invites: Annotated[list[Invite], Field(min_length=1, max_length=AT_ONCE)]


class EmailsAnswer(Answer):
    emails: list[str]


class InvitesAnswer(Answer):
    invites: list[str]
    pagination: Pagination


class DeleteInvites(Input):
    emails: Annotated[list[str], BeforeValidator(listed), Field(max_length=AT_ONCE)]


class DeleteUsers(Input):
    """An empty id is passed over: a client that never learned one sends it."""

    user_ids: Annotated[list[str], BeforeValidator(listed), Field(max_length=AT_ONCE)] = Field(default=[])


class MinimalUser(Answer):
    id: str
    name: str
    email: str


class User(MinimalUser):
    permissions: list[Permission]


class UserAnswer(Answer):
    user: User


class UsersAnswer(Answer):
    users: list[User]
    pagination: Pagination


class CreateInviteToken(Input):
    email: Email


class InviteToken(Answer):
    email: str
    token: str
    expires_at: str


class InviteTokenAnswer(Answer):
    invite: InviteToken


class AcceptInvite(Input):
    name: Annotated[str, Field(max_length=255)] = ""


class AcceptedAnswer(Answer):
    user: MinimalUser
    token: str
