"""Policies from what is asked for: checked, added, replaced and shown."""

from collections.abc import Iterable, Sequence

import msgspec

from penstock.api.errors import BadRequest, InputInvalid
from penstock.api.permissions import ResourceType
from penstock.api.policies import (
    Policy,
    delete_policies,
    insert_policies,
    select_policies,
    select_policies_of_workspace,
)
from penstock.api.roles import ROLES_BY_ID, Role
from penstock.api.unit import Unit
from penstock.resources.iam_roles.schemas import (
    PERMISSION_LIMIT,
    AccessPermission,
    Permission,
    PermissionInput,
    ResourceInput,
)
from penstock.resources.labels import select_labels

POLICY = "POLICY"
Meaning = tuple[str, str]
Subject = tuple[str, str]
"""The id of a token, a person or a group, and how the audit trail names it."""


async def add_permissions(
    unit: Unit, subject: Subject, asked: Sequence[PermissionInput], field: str = "permissions"
) -> list[Policy]:
    """Give a subject what it has not got yet; returns all that it has. Raises InputInvalid, BadRequest."""
    wanted = await _meanings(unit, asked, field)
    present = await _policies_of(unit, subject)
    added = [each for each in wanted if each not in {policy.meaning for policy in present}]
    if len(present) + len(added) > PERMISSION_LIMIT:
        raise BadRequest(f"there are at most {PERMISSION_LIMIT} permissions for one {field.partition('.')[0]}")
    await _insert(unit, subject, added)
    return await _policies_of(unit, subject)


async def replace_permissions(unit: Unit, subject: Subject, asked: Sequence[PermissionInput]) -> list[Policy]:
    """Give a subject these in the place of all that it has. Raises InputInvalid, BadRequest."""
    wanted = await _meanings(unit, asked, "permissions")
    present = await _policies_of(unit, subject)
    removed = [policy for policy in present if policy.meaning not in wanted]
    await delete_policies(unit.connection, removed)
    for policy in removed:
        await unit.audit("Policy Deleted", POLICY, policy.id, subject[1])
    await _insert(unit, subject, [each for each in wanted if each not in {policy.meaning for policy in present}])
    return await _policies_of(unit, subject)


async def _policies_of(unit: Unit, subject: Subject) -> list[Policy]:
    return (await select_policies(unit.connection, [subject[0]]))[subject[0]]


async def _insert(unit: Unit, subject: Subject, meanings: Sequence[Meaning]) -> None:
    added = await insert_policies(unit.connection, unit.workspace_id, subject[0], meanings, unit.now)
    for policy in added:
        await unit.audit("Policy Created", POLICY, policy.id, subject[1])


async def _meanings(unit: Unit, asked: Sequence[PermissionInput], field: str) -> list[Meaning]:
    """What is kept of each, once. Raises InputInvalid naming the field."""
    labels = {(each.key, each.value) for each in await select_labels(unit.connection, unit.workspace_id)}
    found: dict[Meaning, None] = {}
    for number, permission in enumerate(asked):
        role = _require_role(permission.role_id, f"{field}.{number}.roleId")
        for place, resource in enumerate(permission.resources):
            where = f"{field}.{number}.resources.{place}"
            _require_fit(unit, role, resource, where, labels)
            if resource.type is not ResourceType.WORKSPACE and not await unit.has(resource.type.lower(), resource.id):
                raise InputInvalid(f'"{where}.id" {resource.id} does not exist', field=f"{where}.id")
        sent = [each.model_dump(by_alias=True, exclude_unset=True, mode="json") for each in permission.resources]
        found[role.id, msgspec.json.encode(sent).decode()] = None
    return list(found)


def _require_role(role_id: str, field: str) -> Role:
    if (role := ROLES_BY_ID.get(role_id)) is None:
        raise InputInvalid(f'"{field}" {role_id} is not a role', field=field)
    return role


def _require_fit(unit: Unit, role: Role, resource: ResourceInput, field: str, labels: set[tuple[str, str]]) -> None:
    if resource.type is ResourceType.WORKSPACE:
        if resource.id != unit.workspace_id:
            raise InputInvalid(f'"{field}.id" is not the id of this workspace', field=f"{field}.id")
    elif resource.type is not role.narrowed:
        message = f'"{field}.type" {resource.type} is not what the role {role.name} is given on'
        raise InputInvalid(message, field=f"{field}.type")
    if not resource.labels:
        return
    if resource.type is not ResourceType.WORKSPACE or not role.has_labels:
        message = (
            f'"{field}.labels" narrow a role on sources or spaces where it is given on the workspace, nothing else'
        )
        raise InputInvalid(message, field=f"{field}.labels")
    for label in resource.labels:
        if (label.key, label.value) not in labels:
            message = f'"{field}.labels" has {label.key}:{label.value}, which does not exist'
            raise InputInvalid(message, field=f"{field}.labels")


async def refuse_where_used(unit: Unit, label: str) -> None:
    """What happens here when a label is deleted. Raises BadRequest where a permission is narrowed by it."""
    key, _, value = label.partition(":")
    for policy in await select_policies_of_workspace(unit.connection, unit.workspace_id):
        used = (each for resource in msgspec.json.decode(policy.resources) for each in resource.get("labels", ()))
        if any((each["key"], each["value"]) == (key, value) for each in used):
            raise BadRequest(f"the label {label} narrows a permission of {policy.subject_id}")


def access_views(found: Iterable[Policy]) -> list[AccessPermission]:
    return [AccessPermission.model_validate(_view(policy)) for policy in found]


def permission_views(found: Iterable[Policy]) -> list[Permission]:
    return [Permission.model_validate(_view(policy)) for policy in found]


def _view(policy: Policy) -> dict[str, object]:
    role = ROLES_BY_ID.get(policy.role_id)
    return {
        "roleId": policy.role_id,
        "roleName": role.name if role else policy.role_id,
        "resources": msgspec.json.decode(policy.resources, type=list[dict[str, object]]),
    }
