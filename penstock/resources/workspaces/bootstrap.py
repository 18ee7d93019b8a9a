"""The first run: a workspace, a token, a source with a write key and the embedded warehouse; shown again later.

The token of the first run is kept sealed beside its hash, so that every start can print the lines to paste.
"""

import secrets

import msgspec
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from penstock.api.auth import Principal, api_tokens, insert_token
from penstock.api.permissions import EVERYTHING, Permission
from penstock.api.unit import Services, Unit
from penstock.infra.db import Database
from penstock.kit.ids import resource_id
from penstock.resources.catalog import embedded_warehouse
from penstock.resources.sources import add_source, first_write_key
from penstock.resources.warehouses import add_warehouse
from penstock.resources.workspaces.repository import get_first_workspace_id, insert_workspace
from penstock.spec.names import snakecase

FIRST_SOURCE_SLUG = "my-first-source"
_HTTP_API = "iUM16Md8P2"


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
        token = await _kept_token(connection, services, workspace_id)
        return FirstRun(token, await first_write_key(connection, workspace_id), workspace_id)


async def _first(connection: AsyncConnection, services: Services, name: str) -> FirstRun:
    workspace_id, token = resource_id(), secrets.token_urlsafe(32)
    unit = Unit(connection, Principal("bootstrap", workspace_id, "first run", frozenset({EVERYTHING})), "", services)
    slug = snakecase(name).replace("_", "-") or "workspace"
    await insert_workspace(connection, {"id": workspace_id, "slug": slug, "name": name, "created_at": unit.now})
    await _insert_first_token(unit, token)
    await add_warehouse(unit, embedded_warehouse().id, "DuckDB", {})
    source = await add_source(unit, FIRST_SOURCE_SLUG, _HTTP_API, enabled=True, settings={})
    await unit.audit("Source Created", "SOURCE", source.id, source.slug)
    await unit.flush()
    return FirstRun(token, source.write_keys[0], workspace_id)


async def _insert_first_token(unit: Unit, token: str) -> None:
    sealed = unit.sealer.seal(token.encode())
    held = [EVERYTHING, str(Permission.INSTALLATION_ADMIN)]
    await insert_token(unit.connection, unit.workspace_id, "first run", token, held, unit.now, sealed)


async def _kept_token(connection: AsyncConnection, services: Services, workspace_id: str) -> str:
    query = select(api_tokens.c.sealed_token).where(
        api_tokens.c.workspace_id == workspace_id, api_tokens.c.sealed_token.is_not(None)
    )
    sealed = (await connection.execute(query.order_by(api_tokens.c.created_at).limit(1))).scalar_one_or_none()
    return services.sealer.open(sealed).decode() if sealed else ""
