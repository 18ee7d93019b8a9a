"""How far a permission reaches: over the whole workspace, over single resources, over what has certain labels.

Roles add up: what any of them reaches is reached. The labels of one grant narrow it together (all of them must be
there); those of another are another way in. The SQL for lists stands with the tables (`sources.within`); `covers` says
the same of one resource.
"""

from collections.abc import Iterable

import msgspec

from penstock.api.errors import Forbidden
from penstock.api.permissions import Permission, ResourceType
from penstock.api.policies import Policy
from penstock.api.roles import ROLES, ROLES_BY_ID, Role

Label = tuple[str, str]
_HAVE_LABELS = (ResourceType.SOURCE, ResourceType.SPACE)


class Reach(msgspec.Struct, frozen=True):
    """What one permission is held on."""

    is_whole: bool = False
    ids: frozenset[str] = frozenset()
    label_sets: frozenset[frozenset[Label]] = frozenset()

    @property
    def is_nothing(self) -> bool:
        return not (self.is_whole or self.ids or self.label_sets)

    def covers(self, identifier: str, labels: Iterable[Label] = ()) -> bool:
        """Whether it reaches a resource with these labels."""
        if self.is_whole or identifier in self.ids:
            return True
        present = frozenset(labels)
        return any(wanted <= present for wanted in self.label_sets)


WHOLE = Reach(is_whole=True)
NOTHING = Reach()


class GrantedLabel(msgspec.Struct, frozen=True):
    key: str
    value: str


class GrantedOn(msgspec.Struct, frozen=True):
    """One of the resources of a policy."""

    id: str
    type: str
    labels: tuple[GrantedLabel, ...] = ()


class Grant(msgspec.Struct, frozen=True):
    """A policy as it is judged by."""

    role: Role
    resources: tuple[GrantedOn, ...]


_resources = msgspec.json.Decoder(tuple[GrantedOn, ...])


def grants_in(policies: Iterable[Policy]) -> tuple[Grant, ...]:
    """A role that this release does not know grants nothing."""
    return tuple(
        Grant(ROLES_BY_ID[policy.role_id], _resources.decode(policy.resources))
        for policy in policies
        if policy.role_id in ROLES_BY_ID
    )


def reach_of(grants: Iterable[Grant], permission: Permission) -> Reach:
    ids: set[str] = set()
    label_sets: set[frozenset[Label]] = set()
    for grant in grants:
        if permission not in grant.role.permissions:
            continue
        if permission.held_on is ResourceType.WORKSPACE:
            return WHOLE
        for resource in grant.resources:
            if resource.type == permission.held_on:
                ids.add(resource.id)
            elif resource.type == ResourceType.WORKSPACE and not resource.labels:
                return WHOLE
            elif resource.type == ResourceType.WORKSPACE and permission.held_on in _HAVE_LABELS:
                label_sets.add(frozenset((label.key, label.value) for label in resource.labels))
    return Reach(ids=frozenset(ids), label_sets=frozenset(label_sets))


def lacking(permission: Permission, where: str = "") -> Forbidden:
    """The refusal, with the permission that is missing, on what, and the roles that have it."""
    roles = [role.name for role in ROLES if permission in role.permissions]
    told = f"the token lacks the permission {permission}{where}"
    if roles:
        told += f"; roles that have it: {', '.join(roles)}"
    return Forbidden(told, data={"permission": permission, "roles": roles})
