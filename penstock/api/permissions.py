"""What a token may do: permissions read `<resource>:<verb>`; `x:*` holds all of one resource.

`*` holds all of the token's workspace. The installation stands above workspaces (its queries see the warehouses of all
of them), so only a permission that names it reaches it.
"""

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
