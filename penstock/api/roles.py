"""The roles: what each may do, and by what its reach can be narrowed. This table is the only place that says so."""

from collections.abc import Iterable

import msgspec

from penstock.api.permissions import Permission, ResourceType
from penstock.kit.ids import derived_id


class Role(msgspec.Struct, frozen=True):
    """`narrowed` is the type of the single resources that it can be given on instead of on the workspace."""

    id: str
    name: str
    description: str
    permissions: frozenset[Permission]
    narrowed: ResourceType | None = None
    has_labels: bool = False
    """Whether labels can narrow it: sources and spaces have some, nothing else does."""


_EVERYBODY = (Permission.WORKSPACE_READ, Permission.CATALOG_READ)
_NOT_OF_A_WORKSPACE = (Permission.INSTALLATION_ADMIN, Permission.INVITE_ACCEPT)
OWNER_ID = "1WDUuRLxv84rrfCNUwvkrRtkxnS"
MEMBER_ID = "1aEWAcU0fArxScocwH9xxLgW7r3"
"""The two ids that are known of the original; the others are derived from the names."""


def _role(
    name: str,
    description: str,
    permissions: Iterable[Permission] = (),
    *,
    narrowed: ResourceType | None = None,
    has_labels: bool = False,
    identifier: str = "",
) -> Role:
    held = frozenset((*_EVERYBODY, *permissions))
    return Role(identifier or derived_id("role", name), name, description, held, narrowed, has_labels)


_SOURCE_READ = (
    Permission.SOURCE_READ,
    Permission.DESTINATION_READ,
    Permission.TRANSFORMATION_READ,
    Permission.DELIVERY_READ,
    Permission.LABEL_READ,
)
_SOURCE_ADMIN = (
    *_SOURCE_READ,
    Permission.SOURCE_ADMIN,
    Permission.DESTINATION_ADMIN,
    Permission.TRANSFORMATION_ADMIN,
)
_SOURCE = ResourceType.SOURCE
_SPACE = ResourceType.SPACE

ROLES = (
    _role(
        "Workspace Owner",
        "Everything in the workspace, and alone: people, tokens, labels, selective syncs, consent and the audit trail.",
        (each for each in Permission if each not in _NOT_OF_A_WORKSPACE),
        identifier=OWNER_ID,
    ),
    _role(
        "Minimal Workspace Access",
        "Belongs to the workspace, and sees nothing in it but its name and the catalog.",
        identifier=MEMBER_ID,
    ),
    _role(
        "Source Admin",
        "Sources with their write keys, their destinations, filters and transformations.",
        _SOURCE_ADMIN,
        narrowed=_SOURCE,
        has_labels=True,
    ),
    _role(
        "Source Read-only",
        "Reads sources, their destinations, filters, transformations and counts; no write keys.",
        _SOURCE_READ,
        narrowed=_SOURCE,
        has_labels=True,
    ),
    _role(
        "Function Admin",
        "Functions: their code, settings and deployments.",
        (Permission.FUNCTION_READ, Permission.FUNCTION_ADMIN),
        narrowed=ResourceType.FUNCTION,
    ),
    _role("Function Read-only", "Reads functions.", (Permission.FUNCTION_READ,), narrowed=ResourceType.FUNCTION),
    _role(
        "Warehouse Destination Admin",
        "Warehouses: their settings and their connections.",
        (Permission.WAREHOUSE_READ, Permission.WAREHOUSE_ADMIN),
        narrowed=ResourceType.WAREHOUSE,
    ),
    _role(
        "Warehouse Destination Read-only",
        "Reads warehouses, their connections and their past syncs.",
        (Permission.WAREHOUSE_READ,),
        narrowed=ResourceType.WAREHOUSE,
    ),
    _role(
        "Tracking Plan Admin",
        "Tracking plans and their rules.",
        (Permission.TRACKING_PLAN_READ, Permission.TRACKING_PLAN_ADMIN),
    ),
    _role("Tracking Plan Read-only", "Reads tracking plans.", (Permission.TRACKING_PLAN_READ,)),
    _role(
        "Unify and Engage Admin",
        "Spaces with all that is in them.",
        narrowed=_SPACE,
        has_labels=True,
    ),
    _role("Unify and Engage Read-only", "Reads spaces with all that is in them.", narrowed=_SPACE, has_labels=True),
    _role(
        "Unify Read-only, Engage User",
        "Reads the profiles of spaces and works with their audiences.",
        narrowed=_SPACE,
        has_labels=True,
    ),
    _role("Identity Admin", "The settings by which profiles are told apart."),
    _role(
        "End User Privacy Admin",
        "Deletes and suppresses people.",
        (Permission.REGULATION_READ, Permission.REGULATION_ADMIN),
    ),
    _role("Entities Admin", "Models of entities."),
    _role("Entities Read-only", "Reads models of entities."),
    _role(
        "PII Access",
        "With another role: sees what is in the events of the sources that the other role reads.",
        (Permission.EVENT_READ,),
        narrowed=_SOURCE,
        has_labels=True,
    ),
)
ROLES_BY_ID = {role.id: role for role in ROLES}
ROLES_BY_NAME = {role.name: role for role in ROLES}
