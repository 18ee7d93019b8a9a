"""What the API takes and tells of groups."""

from typing import Annotated

from pydantic import BeforeValidator, Field

from penstock.api.query import listed
from penstock.api.schema import Answer, Input, Pagination
from penstock.resources.iam_roles import Permission
from penstock.resources.iam_users import AT_ONCE, MinimalUser

Name = Annotated[str, Field(min_length=1, max_length=255)]


class NameInput(Input):
    name: Name


class EmailsInput(Input):
    emails: Annotated[list[str], Field(max_length=AT_ONCE)]


class RemoveUsers(Input):
    emails: Annotated[list[str], BeforeValidator(listed), Field(max_length=AT_ONCE)]


class MinimalGroup(Answer):
    id: str
    name: str


class Group(MinimalGroup):
    """Those who are only invited count as members."""

    member_count: int
    permissions: list[Permission]


class GroupAnswer(Answer):
    user_group: Group


class GroupsAnswer(Answer):
    user_groups: list[Group]
    pagination: Pagination


class GroupsOfUserAnswer(Answer):
    groups: list[MinimalGroup]
    pagination: Pagination


class MembersAnswer(Answer):
    users: list[MinimalUser]
    pagination: Pagination


class InvitedMembersAnswer(Answer):
    emails: list[str]
    pagination: Pagination
