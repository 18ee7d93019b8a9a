"""Operations of the tag IAM Users, first part: those who have joined, and what they may do."""

from collections.abc import Sequence
from typing import Any

from penstock.api.auth import delete_tokens_of
from penstock.api.operation import Nothing, RateLimit, Request, operation, schemas
from penstock.api.pagination import answer_page
from penstock.api.permissions import Permission
from penstock.api.policies import Policy, forget_subjects, select_policies
from penstock.api.schema import DELETED, Deleted, Pagination
from penstock.resources.iam_roles import (
    AccessPermissionsAnswer,
    PermissionsInput,
    access_views,
    add_permissions,
    permission_views,
    replace_permissions,
)
from penstock.resources.iam_users.repository import (
    Person,
    delete_people,
    require_user,
    select_people,
    select_people_page,
)
from penstock.resources.iam_users.schemas import DeleteUsers, User, UserAnswer, UsersAnswer
from penstock.resources.iam_users.service import GROUP, USER, keeping_an_owner

WRITES = RateLimit(60)
_ONE_PATH = "/users/{userId}"


async def user_of(request: Request[Any]) -> Person:
    """Whom the path names. Raises NotFound."""
    return await require_user(request.unit.connection, request.workspace_id, request.path["userId"])


@operation("listUsers", "GET", "/users", permission=Permission.ACCESS_READ, answer=schemas(UsersAnswer), is_paged=True)
async def list_users(request: Request[Nothing]) -> dict[str, Any]:
    """The people who have joined the workspace, the oldest invite first; who is only invited is not among them."""
    unit = request.unit
    found, total = await select_people_page(unit.connection, unit.workspace_id, request.page, joined=True)
    shown, page = answer_page(request.page, found, total, lambda each: (each.created_at, each.id))
    held = await select_policies(unit.connection, [each.id for each in shown])
    return {"users": [_view(each, held[each.id]) for each in shown], "pagination": Pagination.of(page)}


@operation("getUser", "GET", _ONE_PATH, permission=Permission.ACCESS_READ, answer=schemas(UserAnswer))
async def get_user(request: Request[Nothing]) -> dict[str, Any]:
    """One of them, with the permissions of their own; those of their groups stand with the groups."""
    person = await user_of(request)
    held = await select_policies(request.unit.connection, [person.id])
    return {"user": _view(person, held[person.id])}


@operation(
    "deleteUsers",
    "DELETE",
    "/users",
    permission=Permission.ACCESS_ADMIN,
    body=schemas(DeleteUsers),
    answer=schemas(Deleted),
    audit=("User Removed", "Group Memberships Deleted"),
    limit=WRITES,
)
async def delete_users(request: Request[DeleteUsers]) -> dict[str, Any]:
    """Remove people with their permissions and their tokens. Ids that nobody has are passed over.

    The last owner cannot be removed (400).
    """
    unit = request.unit
    found = await select_people(unit.connection, unit.workspace_id, request.body.user_ids)
    gone = [person for person in found if person.has_joined]
    async with keeping_an_owner(unit):
        ids = [person.id for person in gone]
        members = await forget_subjects(unit.connection, ids)
        await delete_tokens_of(unit.connection, ids)
        await delete_people(unit.connection, unit.workspace_id, ids)
    for person in gone:
        if person.id in members:
            await unit.audit("Group Memberships Deleted", GROUP, person.id, person.email)
        await unit.audit("User Removed", USER, person.id, person.email)
    return DELETED.model_dump()


@operation(
    "addPermissionsToUser",
    "POST",
    f"{_ONE_PATH}/permissions",
    permission=Permission.ACCESS_ADMIN,
    body=schemas(PermissionsInput),
    answer=schemas(AccessPermissionsAnswer),
    audit=("Policy Created", "User Policy Updated"),
    limit=WRITES,
)
async def add_permissions_to_user(request: Request[PermissionsInput]) -> dict[str, Any]:
    """Give somebody permissions beside those that they have; answers all of them."""
    person = await user_of(request)
    held = await add_permissions(request.unit, (person.id, person.email), request.body.permissions)
    await request.unit.audit("User Policy Updated", USER, person.id, person.email)
    return {"permissions": access_views(held)}


@operation(
    "replacePermissionsForUser",
    "PUT",
    f"{_ONE_PATH}/permissions",
    permission=Permission.ACCESS_ADMIN,
    body=schemas(PermissionsInput),
    answer=schemas(AccessPermissionsAnswer),
    audit=("Policy Deleted", "Policy Created"),
    limit=WRITES,
)
async def replace_permissions_for_user(request: Request[PermissionsInput]) -> dict[str, Any]:
    """Give somebody these permissions in the place of those that they have. The last owner stays one (400)."""
    person = await user_of(request)
    async with keeping_an_owner(request.unit):
        held = await replace_permissions(request.unit, (person.id, person.email), request.body.permissions)
    return {"permissions": access_views(held)}


def _view(person: Person, held: Sequence[Policy]) -> User:
    return User(id=person.id, name=person.name, email=person.email, permissions=permission_views(held))
