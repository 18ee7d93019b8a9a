"""Operations of the tag Workspaces; beside the contract, those by which an installation has several."""

from typing import Any

from penstock.api.auth import NewToken, insert_token, new_token
from penstock.api.errors import BadRequest, NotFound
from penstock.api.operation import Nothing, Request, operation, schemas
from penstock.api.pagination import answer_page
from penstock.api.permissions import Permission
from penstock.api.policies import insert_policies
from penstock.api.roles import OWNER_ID
from penstock.api.schema import Pagination
from penstock.kit.ids import resource_id
from penstock.resources.workspaces.repository import get_workspace_row, is_slug_taken, select_workspaces
from penstock.resources.workspaces.schemas import (
    CreateWorkspace,
    NewWorkspaceAnswer,
    Workspace,
    WorkspaceAnswer,
    WorkspacesAnswer,
)
from penstock.resources.workspaces.service import add_workspace, slug_of

_PATH = "/penstock/workspaces"


@operation(
    "getWorkspace",
    "GET",
    "/",
    seed_path="/workspace",
    permission=Permission.WORKSPACE_READ,
    answer=schemas(WorkspaceAnswer),
)
async def get_workspace(request: Request[Nothing]) -> dict[str, Any]:
    """The workspace that the token belongs to."""
    row = await get_workspace_row(request.unit.connection, request.workspace_id)
    if row is None:
        raise NotFound("the workspace does not exist")
    return {"workspace": Workspace(id=row.id, slug=row.slug, name=row.name)}


@operation(
    "listWorkspaces",
    "GET",
    _PATH,
    permission=Permission.INSTALLATION_ADMIN,
    answer=schemas(WorkspacesAnswer),
    is_paged=True,
)
async def list_workspaces(request: Request[Nothing]) -> dict[str, Any]:
    """The workspaces of the installation, the oldest first."""
    found, total = await select_workspaces(request.unit.connection, request.page)
    shown, page = answer_page(request.page, found, total, lambda row: (row.created_at, row.id))
    workspaces = [Workspace(id=row.id, slug=row.slug, name=row.name) for row in shown]
    return {"workspaces": workspaces, "pagination": Pagination.of(page)}


@operation(
    "createWorkspace",
    "POST",
    _PATH,
    permission=Permission.INSTALLATION_ADMIN,
    body=schemas(CreateWorkspace),
    answer=schemas(NewWorkspaceAnswer),
    audit=("Source Created",),
)
async def create_workspace(request: Request[CreateWorkspace]) -> dict[str, Any]:
    """Make a workspace with a source and an embedded warehouse of its own.

    `token` is one of a Workspace Owner and is told once; whoever has it makes the others.
    """
    body, slug = request.body, request.body.slug or slug_of(request.body.name)
    if await is_slug_taken(request.unit.connection, slug):
        raise BadRequest(f"there is a workspace with the slug {slug} already", field="slug")
    unit = request.unit.in_workspace(resource_id())
    source = await add_workspace(unit, body.name, slug, {"file": f"penstock-{slug}.duckdb"})
    token = new_token()
    token_id = await insert_token(unit.connection, token, NewToken(unit.workspace_id, "first owner"), unit.now)
    whole = f'[{{"id":"{unit.workspace_id}","type":"WORKSPACE"}}]'
    await insert_policies(unit.connection, unit.workspace_id, token_id, [(OWNER_ID, whole)], unit.now)
    workspace = Workspace(id=unit.workspace_id, slug=slug, name=body.name)
    return {"workspace": workspace, "token": token, "write_key": source.write_keys[0]}
