"""The workspace: the tenant that owns everything else."""

from penstock.resources.workspaces.operations import get_workspace

USES = ("catalog", "sources", "warehouses")
OPERATIONS = (get_workspace,)
