"""Operations of the tag Workspaces."""

from typing import Any

from penstock.api.errors import NotFound
from penstock.api.operation import Nothing, Request, operation, schemas
from penstock.api.permissions import Permission
from penstock.resources.workspaces.repository import get_workspace_row
from penstock.resources.workspaces.schemas import Workspace, WorkspaceAnswer


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
