"""Operations of the tag IAM Roles."""

from typing import Any

from penstock.api.operation import Nothing, Request, operation, schemas
from penstock.api.pagination import page_of
from penstock.api.permissions import Permission
from penstock.api.roles import ROLES
from penstock.api.schema import Pagination
from penstock.resources.iam_roles.schemas import Role, RolesAnswer


@operation("listRoles", "GET", "/roles", permission=Permission.ACCESS_READ, answer=schemas(RolesAnswer), is_paged=True)
async def list_roles(request: Request[Nothing]) -> dict[str, Any]:
    """The roles that people, groups and tokens can have. Every installation has the same, with the same ids."""
    numbered = list(enumerate(ROLES))
    shown, page = page_of(numbered, request.page, lambda each: (each[0], each[1].id))
    roles = [Role(id=role.id, name=role.name, description=role.description) for _, role in shown]
    return {"roles": roles, "pagination": Pagination.of(page)}
