"""Roles, and the policies that give them: who may do what, and on what."""

from penstock.resources.iam_roles.operations import list_roles
from penstock.resources.iam_roles.schemas import (
    AccessPermissionsAnswer,
    LabelInput,
    Permission,
    PermissionInput,
    PermissionsInput,
    ResourceInput,
)
from penstock.resources.iam_roles.service import (
    access_views,
    add_permissions,
    permission_views,
    refuse_where_used,
    replace_permissions,
)

USES = ("labels",)
OPERATIONS = (list_roles,)
REACTIONS = {"label_deleted": refuse_where_used}
__all__ = [
    "OPERATIONS",
    "REACTIONS",
    "USES",
    "AccessPermissionsAnswer",
    "LabelInput",
    "Permission",
    "PermissionInput",
    "PermissionsInput",
    "ResourceInput",
    "access_views",
    "add_permissions",
    "permission_views",
    "replace_permissions",
]
