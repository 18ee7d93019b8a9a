"""Workspaces: The tenant that owns everything else.

Written by `make docs`; edits here are lost.
"""

from typing import NotRequired, TypedDict

from penstock.client.asking import Ask
from penstock.client.public_api.shared import Pagination


class Workspace(TypedDict):
    id: str
    slug: str
    name: str


class WorkspacesWorkspaceAnswer(TypedDict):
    workspace: Workspace


class WorkspacesAnswer(TypedDict):
    workspaces: list[Workspace]
    pagination: Pagination


class CreateWorkspace(TypedDict):
    name: str
    slug: NotRequired[str]


class NewWorkspaceAnswer(TypedDict):
    workspace: Workspace
    token: str
    writeKey: str


class WorkspacesApi:
    """The tenant that owns everything else."""

    def __init__(self, ask: Ask) -> None:
        self._ask = ask

    def get_workspace(self) -> WorkspacesWorkspaceAnswer:
        """The workspace that the token belongs to."""
        answer: WorkspacesWorkspaceAnswer = self._ask("GET", "/workspace")
        return answer

    def list_workspaces(self, *, count: int | None = None, cursor: str | None = None) -> WorkspacesAnswer:
        """The workspaces of the installation, the oldest first."""
        answer: WorkspacesAnswer = self._ask(
            "GET", "/penstock/workspaces", query={"pagination[count]": count, "pagination[cursor]": cursor}
        )
        return answer

    def create_workspace(self, body: CreateWorkspace) -> NewWorkspaceAnswer:
        """Make a workspace with a source and an embedded warehouse of its own.

        `token` is one of a Workspace Owner and is told once; whoever has it makes the others.
        """
        answer: NewWorkspaceAnswer = self._ask("POST", "/penstock/workspaces", body=body)
        return answer
