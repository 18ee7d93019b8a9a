"""What the operations on people, invites and groups share."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from penstock.api.errors import BadRequest
from penstock.api.unit import Unit
from penstock.resources.iam_users.repository import count_owners

USER = "USER"
GROUP = "USER_GROUP"
INVITE = "INVITE"


@asynccontextmanager
async def keeping_an_owner(unit: Unit) -> AsyncIterator[None]:
    """A workspace that somebody owns is owned afterwards too: else nobody but its tokens could mend it.

    Raises BadRequest, which takes the change back.
    """
    before = await count_owners(unit.connection, unit.workspace_id)
    yield
    if before and not await count_owners(unit.connection, unit.workspace_id):
        raise BadRequest("the workspace would be left without an owner")
