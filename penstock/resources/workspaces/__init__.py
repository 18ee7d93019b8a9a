"""The workspace: the tenant that owns everything else."""

from penstock.resources.workspaces.operations import get_workspace

USES: tuple[str, ...] = ()
OPERATIONS = (get_workspace,)
