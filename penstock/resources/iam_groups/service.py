"""What the operations on groups and on their members share."""

from collections.abc import Sequence
from typing import Any

from penstock.api.operation import Request
from penstock.api.policies import select_policies
from penstock.api.unit import Unit
from penstock.resources.iam_groups import schemas
from penstock.resources.iam_groups.repository import Group, count_members, require_group
from penstock.resources.iam_roles import permission_views


async def group_of(request: Request[Any]) -> Group:
    """The one that the path names. Raises NotFound."""
    return await require_group(request.unit.connection, request.workspace_id, request.path["userGroupId"])


async def views_of(unit: Unit, groups: Sequence[Group]) -> list[schemas.Group]:
    ids = [group.id for group in groups]
    held, counts = await select_policies(unit.connection, ids), await count_members(unit.connection, ids)
    return [
        schemas.Group(
            id=group.id,
            name=group.name,
            member_count=counts[group.id],
            permissions=permission_views(held[group.id]),
        )
        for group in groups
    ]


async def answer_one(unit: Unit, group: Group) -> dict[str, Any]:
    (view,) = await views_of(unit, [group])
    return {"user_group": view}
