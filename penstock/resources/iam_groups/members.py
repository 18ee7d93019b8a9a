"""Operations of the tag IAM Groups, second part: who is in a group. Invited people can be, and stay when they join.

`listUserGroupsFromUser` is of the tag IAM Users, and stands here because it tells of groups.
"""

from collections.abc import Sequence
from typing import Any

from penstock.api.errors import BadRequest, InputInvalid
from penstock.api.operation import Nothing, Request, operation, schemas
from penstock.api.pagination import PageAnswer, answer_page
from penstock.api.permissions import Permission
from penstock.api.schema import DELETED, Deleted, Pagination
from penstock.api.unit import Unit
from penstock.resources.iam_groups.repository import (
    Group,
    delete_members,
    insert_members,
    members_of,
    select_groups,
    select_members,
)
from penstock.resources.iam_groups.schemas import (
    EmailsInput,
    GroupAnswer,
    GroupsOfUserAnswer,
    InvitedMembersAnswer,
    MembersAnswer,
    MinimalGroup,
    RemoveUsers,
)
from penstock.resources.iam_groups.service import answer_one, group_of
from penstock.resources.iam_users import (
    GROUP,
    WRITES,
    MinimalUser,
    Person,
    email_key,
    keeping_an_owner,
    select_people_by_email,
    select_people_page,
    user_of,
)

MEMBER_LIMIT = 5_000
"""People in one group."""
_PATH = "/groups/{userGroupId}/users"
_SINGULAR = "/group/{userGroupId}/users"
_ADDED = ("Subjects Added to Group", "User Added To User Group")
_REMOVED = ("Group Memberships Deleted", "User Removed From User Group")


@operation(
    "listUsersFromUserGroup",
    "GET",
    _PATH,
    permission=Permission.ACCESS_READ,
    answer=schemas(MembersAnswer),
    is_paged=True,
)
async def list_users_from_user_group(request: Request[Nothing]) -> dict[str, Any]:
    """The members who have joined the workspace."""
    shown, page = await _members(request, joined=True)
    users = [MinimalUser(id=each.id, name=each.name, email=each.email) for each in shown]
    return {"users": users, "pagination": Pagination.of(page)}


@operation(
    "listInvitesFromUserGroup",
    "GET",
    "/groups/{userGroupId}/invites",
    permission=Permission.ACCESS_READ,
    answer=schemas(InvitedMembersAnswer),
    is_paged=True,
)
async def list_invites_from_user_group(request: Request[Nothing]) -> dict[str, Any]:
    """The addresses of the members who are only invited."""
    shown, page = await _members(request, joined=False)
    return {"emails": [each.email for each in shown], "pagination": Pagination.of(page)}


async def _members(request: Request[Nothing], *, joined: bool) -> tuple[list[Person], PageAnswer]:
    unit, group = request.unit, await group_of(request)
    found, total = await select_people_page(
        unit.connection, unit.workspace_id, request.page, joined=joined, among=members_of(group.id)
    )
    return answer_page(request.page, found, total, lambda each: (each.created_at, each.id))


@operation(
    "addUsersToUserGroup",
    "POST",
    _PATH,
    permission=Permission.ACCESS_ADMIN,
    body=schemas(EmailsInput),
    answer=schemas(GroupAnswer),
    audit=_ADDED,
    limit=WRITES,
)
async def add_users_to_user_group(request: Request[EmailsInput]) -> dict[str, Any]:
    """Put people into a group, by their addresses: users, and those who are invited."""
    unit, group = request.unit, await group_of(request)
    wanted = await _people(unit, request.body.emails)
    await _add(unit, group, wanted, await select_members(unit.connection, group.id))
    return await answer_one(unit, group)


@operation(
    "replaceUsersInUserGroup",
    "PUT",
    _SINGULAR,
    permission=Permission.ACCESS_ADMIN,
    body=schemas(EmailsInput),
    answer=schemas(GroupAnswer),
    audit=(*_ADDED, *_REMOVED),
    limit=WRITES,
)
async def replace_users_in_user_group(request: Request[EmailsInput]) -> dict[str, Any]:
    """Put these people into a group in the place of all who are in it. The last owner stays one (400)."""
    unit, group = request.unit, await group_of(request)
    wanted = await _people(unit, request.body.emails)
    present = await select_members(unit.connection, group.id)
    async with keeping_an_owner(unit):
        await _remove(unit, group, present - {person.id for person in wanted})
        await _add(unit, group, wanted, present)
    return await answer_one(unit, group)


@operation(
    "removeUsersFromUserGroup",
    "DELETE",
    _SINGULAR,
    permission=Permission.ACCESS_ADMIN,
    body=schemas(RemoveUsers),
    answer=schemas(Deleted),
    audit=_REMOVED,
    limit=WRITES,
)
async def remove_users_from_user_group(request: Request[RemoveUsers]) -> dict[str, Any]:
    """Take people out of a group. Addresses of nobody in it are passed over. The last owner stays one (400)."""
    unit, group = request.unit, await group_of(request)
    named = await select_people_by_email(unit.connection, unit.workspace_id, request.body.emails)
    present = await select_members(unit.connection, group.id)
    async with keeping_an_owner(unit):
        await _remove(unit, group, present & {person.id for person in named.values()})
    return DELETED.model_dump()


@operation(
    "listUserGroupsFromUser",
    "GET",
    "/users/{userId}/groups",
    permission=Permission.ACCESS_READ,
    answer=schemas(GroupsOfUserAnswer),
    is_paged=True,
)
async def list_user_groups_from_user(request: Request[Nothing]) -> dict[str, Any]:
    """The groups that a user is in, the oldest first."""
    unit, person = request.unit, await user_of(request)
    found, total = await select_groups(unit.connection, unit.workspace_id, request.page, person.id)
    shown, page = answer_page(request.page, found, total, lambda group: (group.created_at, group.id))
    groups = [MinimalGroup(id=group.id, name=group.name) for group in shown]
    return {"groups": groups, "pagination": Pagination.of(page)}


async def _people(unit: Unit, emails: Sequence[str]) -> list[Person]:
    """Raises InputInvalid naming the address that nobody has."""
    found = await select_people_by_email(unit.connection, unit.workspace_id, emails)
    for number, email in enumerate(emails):
        if email_key(email) not in found:
            field = f"emails.{number}"
            raise InputInvalid(f'"{field}" {email} is neither a user nor invited', field=field)
    return list(found.values())


async def _add(unit: Unit, group: Group, wanted: Sequence[Person], present: set[str]) -> None:
    added = [person for person in wanted if person.id not in present]
    if len(present) + len(added) > MEMBER_LIMIT:
        raise BadRequest(f"a user group has at most {MEMBER_LIMIT} members")
    await insert_members(unit.connection, group, [person.id for person in added])
    if added:
        await unit.audit("Subjects Added to Group", GROUP, group.id, group.name)
    for person in added:
        await unit.audit("User Added To User Group", GROUP, group.id, f"{group.name}: {person.email}")


async def _remove(unit: Unit, group: Group, user_ids: set[str]) -> None:
    await delete_members(unit.connection, group, sorted(user_ids))
    for type_ in _REMOVED if user_ids else ():
        await unit.audit(type_, GROUP, group.id, group.name)
