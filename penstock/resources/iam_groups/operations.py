"""Operations of the tag IAM Groups, first part: the groups themselves, and what their members may do."""

from typing import Any

import msgspec

from penstock.api.errors import BadRequest
from penstock.api.operation import Nothing, Request, operation, schemas
from penstock.api.pagination import answer_page
from penstock.api.permissions import Permission
from penstock.api.policies import forget_subjects
from penstock.api.schema import DELETED, Deleted, Pagination
from penstock.kit.ids import resource_id
from penstock.resources.iam_groups.repository import (
    Group,
    count_groups,
    insert_group,
    select_groups,
    update_group,
)
from penstock.resources.iam_groups.repository import delete_group as delete_row
from penstock.resources.iam_groups.schemas import GroupAnswer, GroupsAnswer, NameInput
from penstock.resources.iam_groups.service import answer_one, group_of, views_of
from penstock.resources.iam_roles import (
    AccessPermissionsAnswer,
    PermissionsInput,
    access_views,
    add_permissions,
    replace_permissions,
)
from penstock.resources.iam_users import GROUP, WRITES, keeping_an_owner

GROUP_LIMIT = 1_000
"""Groups of one workspace."""
_PATH = "/groups"
_ONE_PATH = _PATH + "/{userGroupId}"


@operation(
    "listUserGroups", "GET", _PATH, permission=Permission.ACCESS_READ, answer=schemas(GroupsAnswer), is_paged=True
)
async def list_user_groups(request: Request[Nothing]) -> dict[str, Any]:
    """The groups of the workspace, the oldest first."""
    unit = request.unit
    found, total = await select_groups(unit.connection, unit.workspace_id, request.page)
    shown, page = answer_page(request.page, found, total, lambda group: (group.created_at, group.id))
    return {"user_groups": await views_of(unit, shown), "pagination": Pagination.of(page)}


@operation(
    "createUserGroup",
    "POST",
    _PATH,
    permission=Permission.ACCESS_ADMIN,
    body=schemas(NameInput),
    answer=schemas(GroupAnswer),
    # The second is the original's, where a group begins with a permission. Here it begins without any.
    audit=("User Group Created", "Policy Created"),
    limit=WRITES,
)
async def create_user_group(request: Request[NameInput]) -> dict[str, Any]:
    """Make a group, with no members and no permissions."""
    unit = request.unit
    if await count_groups(unit.connection, unit.workspace_id) >= GROUP_LIMIT:
        raise BadRequest(f"a workspace has at most {GROUP_LIMIT} user groups")
    group = Group(resource_id(), unit.workspace_id, request.body.name, unit.now)
    await insert_group(unit.connection, group)
    await unit.audit("User Group Created", GROUP, group.id, group.name)
    return await answer_one(unit, group)


@operation("getUserGroup", "GET", _ONE_PATH, permission=Permission.ACCESS_READ, answer=schemas(GroupAnswer))
async def get_user_group(request: Request[Nothing]) -> dict[str, Any]:
    """One group."""
    return await answer_one(request.unit, await group_of(request))


@operation(
    "updateUserGroup",
    "PATCH",
    _ONE_PATH,
    permission=Permission.ACCESS_ADMIN,
    body=schemas(NameInput),
    answer=schemas(GroupAnswer),
    audit=("User Group Updated",),
    limit=WRITES,
)
async def update_user_group(request: Request[NameInput]) -> dict[str, Any]:
    """Give a group another name."""
    unit = request.unit
    group = msgspec.structs.replace(await group_of(request), name=request.body.name)
    await update_group(unit.connection, group)
    await unit.audit("User Group Updated", GROUP, group.id, group.name)
    return await answer_one(unit, group)


@operation(
    "deleteUserGroup",
    "DELETE",
    _ONE_PATH,
    permission=Permission.ACCESS_ADMIN,
    answer=schemas(Deleted),
    audit=("User Group Deleted",),
    limit=WRITES,
)
async def delete_user_group(request: Request[Nothing]) -> dict[str, Any]:
    """Delete a group. Its members stay, without what they had by it; the last owner stays one (400)."""
    unit, group = request.unit, await group_of(request)
    async with keeping_an_owner(unit):
        await forget_subjects(unit.connection, [group.id])
        await delete_row(unit.connection, group)
    await unit.audit("User Group Deleted", GROUP, group.id, group.name)
    return DELETED.model_dump()


@operation(
    "addPermissionsToUserGroup",
    "POST",
    f"{_ONE_PATH}/permissions",
    permission=Permission.ACCESS_ADMIN,
    body=schemas(PermissionsInput),
    answer=schemas(AccessPermissionsAnswer),
    audit=("Policy Created", "User Group Policy Updated"),
    limit=WRITES,
)
async def add_permissions_to_user_group(request: Request[PermissionsInput]) -> dict[str, Any]:
    """Give a group permissions beside those that it has; answers all of them."""
    unit, group = request.unit, await group_of(request)
    held = await add_permissions(unit, (group.id, group.name), request.body.permissions)
    await unit.audit("User Group Policy Updated", GROUP, group.id, group.name)
    return {"permissions": access_views(held)}


@operation(
    "replacePermissionsForUserGroup",
    "PUT",
    f"{_ONE_PATH}/permissions",
    permission=Permission.ACCESS_ADMIN,
    body=schemas(PermissionsInput),
    answer=schemas(AccessPermissionsAnswer),
    audit=("Policy Deleted", "Policy Created"),
    limit=WRITES,
)
async def replace_permissions_for_user_group(request: Request[PermissionsInput]) -> dict[str, Any]:
    """Give a group these permissions in the place of those that it has. The last owner stays one (400)."""
    unit, group = request.unit, await group_of(request)
    async with keeping_an_owner(unit):
        held = await replace_permissions(unit, (group.id, group.name), request.body.permissions)
    return {"permissions": access_views(held)}
