"""Regulations: requests to delete what is kept of people, and to take nothing of theirs any more."""

from collections.abc import Iterable

from sqlalchemy.ext.asyncio import AsyncConnection

from penstock.resources.regulations import deletions, segments
from penstock.resources.regulations.deleting import Deleting
from penstock.resources.regulations.folding import Folding
from penstock.resources.regulations.jobs import Execution
from penstock.resources.regulations.operations import (
    create_cloud_source_regulation,
    create_source_regulation,
    create_workspace_regulation,
    get_regulation,
    list_regulations_from_source,
    list_suppressions,
    list_workspace_regulations,
)
from penstock.resources.regulations.receipt import get_regulation_receipt
from penstock.resources.regulations.service import end_suppressions_of
from penstock.spec.snapshot import Snapshot, SnapshotKind

USES = ("catalog", "destinations", "sources", "warehouses")
OPERATIONS = (
    create_workspace_regulation,
    list_workspace_regulations,
    create_source_regulation,
    list_regulations_from_source,
    create_cloud_source_regulation,
    get_regulation,
    list_suppressions,
    get_regulation_receipt,
)
REACTIONS = {"source_deleted": end_suppressions_of}
__all__ = ["OPERATIONS", "REACTIONS", "USES", "Deleting", "Execution", "Folding", "select_snapshots"]


async def select_snapshots(connection: AsyncConnection) -> Iterable[tuple[SnapshotKind, Snapshot]]:
    """Of all workspaces, for repairing what is published."""
    return [*await segments.select_snapshots(connection), *await deletions.select_snapshots(connection)]
