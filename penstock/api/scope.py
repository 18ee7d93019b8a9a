"""On what an operation needs its permissions: on what its path and its body name, else on the whole workspace.

A source that is named is one on which a permission about sources must be held; a destination is looked up to its
source by the slice that knows (`Scopes`). Where nothing is named, as where something is made, holding a permission on a
part is not enough. The exception is declared: `anywhere`, for lists that show what they may and for what touches
nothing.
"""

from collections.abc import Awaitable, Callable, Iterator, Mapping

import msgspec
from pydantic import BaseModel
from sqlalchemy.ext.asyncio import AsyncConnection

from penstock.api.auth import Principal
from penstock.api.permissions import Permission, ResourceType
from penstock.api.reach import Reach, lacking
from penstock.api.schema import Input

IsWithin = Callable[[AsyncConnection, str, str, Reach], Awaitable[bool]]
"""Whether the reach covers what has this id, in this workspace; not so for what is not there."""
Scopes = Mapping[str, IsWithin]
"""By what is named."""
Named = tuple[str, str]


class Need(msgspec.Struct, frozen=True):
    """A permission that an operation needs."""

    permission: Permission
    is_anywhere: bool = False
    """Whether it is enough to hold it on something; the handler shows no more than that."""


def anywhere(permission: Permission) -> Need:
    return Need(permission, is_anywhere=True)


_NAMES: Mapping[ResourceType, Mapping[str, str]] = {
    ResourceType.SOURCE: {
        "sourceId": "source",
        "destinationId": "destination",
        "destinationConfigId": "destination",
        "transformationId": "transformation",
        "integrationId": "integration",
        "forwardingViolationsTo": "source",
        "forwardingBlockedEventsTo": "source",
    },
    ResourceType.WAREHOUSE: {"warehouseId": "warehouse"},
    ResourceType.FUNCTION: {"functionId": "function", "instanceId": "instance"},
    ResourceType.WORKSPACE: {},
    ResourceType.SPACE: {},
}


def named_in(need: Need, path: Mapping[str, str], body: BaseModel) -> Iterator[Named]:
    """What of the request the permission must be held on: a resource's kind and its id."""
    sent = body.sent() if isinstance(body, Input) else {}
    fields = {body.__class__.model_fields[name].alias: value for name, value in sent.items()}
    for name, kind in _NAMES[need.permission.held_on].items():
        for found in (path.get(name), fields.get(name)):
            if isinstance(found, str) and found:
                yield kind, found


async def require_reach(
    connection: AsyncConnection, principal: Principal, permission: Permission, named: list[Named], scopes: Scopes
) -> None:
    """Raises Forbidden where the permission is not held on all that is named; where nothing is, on the workspace."""
    reach = principal.require(permission)
    if reach.is_whole:
        return
    if not named:
        raise lacking(permission, " on the whole workspace")
    for kind, identifier in named:
        is_within = scopes.get(kind)
        if is_within is None or not await is_within(connection, principal.workspace_id, identifier, reach):
            raise lacking(permission, f" on {kind} {identifier}")
