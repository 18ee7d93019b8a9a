"""What can be allowed: permissions read `<resource>:<verb>`; `x:*` holds all of one resource.

A permission is held on the whole workspace, or on part of it where it is about things of a type of resource: those on
a source, for example, can be held on some sources alone.

`*` holds all of the token's workspace. The installation stands above workspaces (its queries see the warehouses of all
of them), so only a permission that names it reaches it.
"""

from collections.abc import Iterable
from enum import StrEnum


class ResourceType(StrEnum):
    """What a role can be given on."""

    WORKSPACE = "WORKSPACE"
    SOURCE = "SOURCE"
    WAREHOUSE = "WAREHOUSE"
    FUNCTION = "FUNCTION"
    SPACE = "SPACE"


class Permission(StrEnum):
    WORKSPACE_READ = "workspace:read"
    SOURCE_READ = "source:read"
    SOURCE_ADMIN = "source:admin"
    DESTINATION_READ = "destination:read"
    DESTINATION_ADMIN = "destination:admin"
    WAREHOUSE_READ = "warehouse:read"
    WAREHOUSE_ADMIN = "warehouse:admin"
    LABEL_READ = "label:read"
    LABEL_ADMIN = "label:admin"
    TRACKING_PLAN_READ = "tracking-plan:read"
    TRACKING_PLAN_ADMIN = "tracking-plan:admin"
    TRANSFORMATION_READ = "transformation:read"
    TRANSFORMATION_ADMIN = "transformation:admin"
    FUNCTION_READ = "function:read"
    FUNCTION_ADMIN = "function:admin"
    REGULATION_READ = "regulation:read"
    REGULATION_ADMIN = "regulation:admin"
    CATALOG_READ = "catalog:read"
    DELIVERY_READ = "delivery:read"
    EVENT_READ = "event:read"
    ACCESS_READ = "access:read"
    ACCESS_ADMIN = "access:admin"
    AUDIT_READ = "audit:read"
    INVITE_ACCEPT = "invite:accept"
    USAGE_READ = "usage:read"
    SELECTIVE_SYNC_ADMIN = "selective-sync:admin"
    CONSENT_ADMIN = "consent:admin"
    INSTALLATION_ADMIN = "installation:admin"

    @property
    def held_on(self) -> ResourceType:
        """The type of what it can be held on a part of; the workspace where it is held whole or not at all."""
        return _HELD_ON.get(self.partition(":")[0], ResourceType.WORKSPACE)


# Destinations, filters, transformations and events belong to a source.
_HELD_ON = dict.fromkeys(("source", "destination", "transformation", "delivery", "event"), ResourceType.SOURCE)
_HELD_ON |= {"warehouse": ResourceType.WAREHOUSE, "function": ResourceType.FUNCTION}


EVERYTHING = "*"
_INSTALLATION = "installation"


def holds(granted: Iterable[str], wanted: Permission) -> bool:
    """Whether `granted` reaches `wanted`; an administrator of a resource also reads it."""
    resource, _, verb = wanted.partition(":")
    enough = {f"{resource}:*", str(wanted)}
    if resource != _INSTALLATION:
        enough.add(EVERYTHING)
    if verb == "read":
        enough.add(f"{resource}:admin")
    return not enough.isdisjoint(granted)
