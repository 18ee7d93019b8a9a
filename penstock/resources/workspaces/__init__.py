"""The workspace: the tenant that owns everything else."""

from penstock.resources.workspaces.operations import create_workspace, get_workspace, list_workspaces
from penstock.resources.workspaces.repository import select_workspace_names, workspace_name

USES = ("catalog", "labels", "sources", "warehouses")
OPERATIONS = (get_workspace, list_workspaces, create_workspace)
__all__ = ["OPERATIONS", "USES", "select_workspace_names", "workspace_name"]
