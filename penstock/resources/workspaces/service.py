"""How a workspace is made: by the first run, and by an operation."""

from sqlalchemy.ext.asyncio import AsyncConnection

from penstock.api.auth import Principal
from penstock.api.permissions import EVERYTHING
from penstock.api.schema import JsonObject
from penstock.api.unit import Services, Unit
from penstock.resources.catalog import embedded_warehouse
from penstock.resources.labels import add_default_labels
from penstock.resources.sources import Source, add_source
from penstock.resources.warehouses import add_warehouse
from penstock.resources.workspaces.repository import insert_workspace
from penstock.spec.names import snakecase

FIRST_SOURCE_SLUG = "my-first-source"
_HTTP_API = "iUM16Md8P2"


def unit_of_installation(connection: AsyncConnection, services: Services, workspace_id: str) -> Unit:
    """For what the installation itself does in a workspace."""
    principal = Principal("bootstrap", workspace_id, "first run", frozenset({EVERYTHING}))
    return Unit(connection, principal, "", services)


def slug_of(name: str) -> str:
    return snakecase(name).replace("_", "-")[:100] or "workspace"


async def add_workspace(unit: Unit, name: str, slug: str, warehouse: JsonObject) -> Source:
    """The unit's workspace, with what a new one has: labels, an embedded warehouse, and a source, which is returned."""
    values = {"id": unit.workspace_id, "slug": slug, "name": name, "created_at": unit.now}
    await insert_workspace(unit.connection, values)
    await add_default_labels(unit)
    await add_warehouse(unit, embedded_warehouse().id, "DuckDB", warehouse)
    source = await add_source(unit, FIRST_SOURCE_SLUG, _HTTP_API, enabled=True, settings={})
    await unit.audit("Source Created", "SOURCE", source.id, source.slug)
    return source
