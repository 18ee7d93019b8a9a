"""The first run: a workspace, a token, a source with a write key and the embedded warehouse; shown again later.

The token of the first run is kept sealed beside its hash, so that every start can print the lines to paste. Where it
was revoked, the next start makes another: whoever starts an installation holds all of it anyway.
"""

import msgspec
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from penstock.api.auth import NewToken, api_tokens, insert_token, new_token
from penstock.api.permissions import EVERYTHING, Permission
from penstock.api.unit import Services, Unit
from penstock.infra.db import Database
from penstock.kit.ids import resource_id
from penstock.resources.sources import first_write_key
from penstock.resources.workspaces.repository import get_first_workspace_id
from penstock.resources.workspaces.service import add_workspace, slug_of, unit_of_installation


class FirstRun(msgspec.Struct, frozen=True):
    """What `penstock up` prints."""

    token: str
    write_key: str
    workspace_id: str


async def bootstrap(database: Database, services: Services, workspace_name: str) -> FirstRun:
    """Make the first workspace where there is none; tell its token and the write key of its oldest source."""
    async with database.writing() as connection:
        workspace_id = await get_first_workspace_id(connection)
        if workspace_id is None:
            return await _first(connection, services, workspace_name)
        unit = unit_of_installation(connection, services, workspace_id)
        token = await _kept_token(connection, services, workspace_id) or await _insert_first_token(unit)
        return FirstRun(token, await first_write_key(connection, workspace_id), workspace_id)


async def _first(connection: AsyncConnection, services: Services, name: str) -> FirstRun:
    unit = unit_of_installation(connection, services, resource_id())
    token = await _insert_first_token(unit)
    source = await add_workspace(unit, name, slug_of(name), {})
    await unit.flush()
    return FirstRun(token, source.write_keys[0], unit.workspace_id)


async def _insert_first_token(unit: Unit) -> str:
    token = new_token()
    sealed = unit.sealer.seal(token.encode())
    held = (EVERYTHING, str(Permission.INSTALLATION_ADMIN))
    kept = NewToken(unit.workspace_id, "first run", held, sealed_token=sealed)
    await insert_token(unit.connection, token, kept, unit.now)
    return token


async def _kept_token(connection: AsyncConnection, services: Services, workspace_id: str) -> str:
    query = select(api_tokens.c.sealed_token).where(
        api_tokens.c.workspace_id == workspace_id, api_tokens.c.sealed_token.is_not(None)
    )
    sealed = (await connection.execute(query.order_by(api_tokens.c.created_at).limit(1))).scalar_one_or_none()
    return services.sealer.open(sealed).decode() if sealed else ""
