"""What the API tells of a workspace."""

from penstock.api.schema import Answer


class Workspace(Answer):
    id: str
    slug: str
    name: str


class WorkspaceAnswer(Answer):
    workspace: Workspace
