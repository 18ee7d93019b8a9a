"""What the API tells of a workspace."""

from typing import Annotated

from pydantic import Field

from penstock.api.schema import Answer, Input, Pagination


class Workspace(Answer):
    id: str
    slug: str
    name: str


class WorkspaceAnswer(Answer):
    workspace: Workspace


class CreateWorkspace(Input):
    name: Annotated[str, Field(min_length=1, max_length=255)]
    slug: Annotated[str, Field(max_length=100, pattern=r"^[a-z0-9]([a-z0-9-]*[a-z0-9])?$")] = ""


class WorkspacesAnswer(Answer):
    workspaces: list[Workspace]
    pagination: Pagination


class NewWorkspaceAnswer(Answer):
    workspace: Workspace
    token: str
    write_key: str
