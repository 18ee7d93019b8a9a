"""What the API takes and tells of roles and of permissions, which are roles on something."""

from typing import Annotated

from pydantic import Field

from penstock.api.permissions import ResourceType
from penstock.api.schema import Answer, Input, Pagination

PERMISSION_LIMIT = 200
"""Permissions in one request, and of one subject."""
Word = Annotated[str, Field(min_length=1, max_length=255)]


class Role(Answer):
    id: str
    name: str
    description: str


class RolesAnswer(Answer):
    roles: list[Role]
    pagination: Pagination


class LabelInput(Input):
    key: Word
    value: Word
    description: Annotated[str, Field(max_length=1_000)] = ""


Labels = Annotated[list[LabelInput], Field(max_length=20)]


class ResourceInput(Input):
    """Labels narrow the workspace to what has all of them."""

    id: Word
    type: Annotated[ResourceType, Field(strict=False)]
    labels: Labels = Field(default=[])


class PermissionInput(Input):
    role_id: Word
    resources: Annotated[list[ResourceInput], Field(min_length=1, max_length=500)]


class PermissionsInput(Input):
    permissions: Annotated[list[PermissionInput], Field(max_length=PERMISSION_LIMIT)]


class Label(Answer):
    key: str
    value: str
    description: str = ""


class Resource(Answer):
    id: str
    type: str
    labels: Annotated[list[Label], Field(default=[])]


class AccessPermission(Answer):
    """In the answers to changes."""

    role_id: str
    role_name: str
    resources: list[Resource]


class AccessPermissionsAnswer(Answer):
    permissions: list[AccessPermission]


class Permission(AccessPermission):
    """As a person or a group shows it."""
