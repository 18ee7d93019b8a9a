"""What a token may do: permissions read `<resource>:<verb>`; `*` holds them all, `x:*` all of one resource."""

from collections.abc import Iterable
from enum import StrEnum


class Permission(StrEnum):
    WORKSPACE_READ = "workspace:read"
    SOURCE_READ = "source:read"
    SOURCE_ADMIN = "source:admin"
    DESTINATION_READ = "destination:read"
    DESTINATION_ADMIN = "destination:admin"
    WAREHOUSE_READ = "warehouse:read"
    WAREHOUSE_ADMIN = "warehouse:admin"
    CATALOG_READ = "catalog:read"
    DELIVERY_READ = "delivery:read"
    INSTALLATION_ADMIN = "installation:admin"


EVERYTHING = "*"


def holds(granted: Iterable[str], wanted: Permission) -> bool:
    """Whether `granted` reaches `wanted`; an administrator of a resource also reads it."""
    resource, _, verb = wanted.partition(":")
    enough = {EVERYTHING, f"{resource}:*", str(wanted)}
    if verb == "read":
        enough.add(f"{resource}:admin")
    return not enough.isdisjoint(granted)
