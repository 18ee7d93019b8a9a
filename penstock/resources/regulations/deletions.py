"""What the data plane is told of deletions: whose history it passes over, for as long as there is any."""

from collections.abc import Iterable

import msgspec
from sqlalchemy import delete, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from penstock.api.outbox import Change, buried
from penstock.api.unit import Unit
from penstock.resources.regulations.repository import Regulation
from penstock.resources.regulations.segments import Key
from penstock.resources.regulations.table import regulation_deletions as deletions
from penstock.resources.regulations.table import regulation_keys, regulations
from penstock.spec.snapshot import DeletionSnapshot, Snapshot, SnapshotKind
from penstock.spec.suppression import packed

_VERSION = 1
"""Of each: it is published once and then forgotten."""


class Deletion(msgspec.Struct, frozen=True):
    """One row."""

    id: str
    workspace_id: str
    source_id: str
    subject_type: str
    before: int
    digests: bytes


async def begin_deletion(unit: Unit, regulation: Regulation, key: Key, digests: Iterable[int]) -> None:
    """From here on nobody reads what came of these people or objects until now.

    With the end of a suppression that is so for what would take it on its way alone.
    """
    added = Deletion(
        id=regulation.id,
        workspace_id=regulation.workspace_id,
        source_id=regulation.source_id,
        subject_type=regulation.subject_type,
        before=regulation.created_at,
        digests=packed(digests),
    )
    await unit.connection.execute(insert(deletions).values(msgspec.structs.asdict(added)))
    unit.publish(SnapshotKind.DELETION, _snapshot_of(added, key.sealed, regulation.type))


def _snapshot_of(deletion: Deletion, sealed_key: bytes, regulation_type: str) -> DeletionSnapshot:
    return DeletionSnapshot(
        **msgspec.structs.asdict(deletion),
        version=_VERSION,
        sealed_key=sealed_key,
        ends_suppression=regulation_type == "UNSUPPRESS",
    )


async def select_snapshots(connection: AsyncConnection) -> Iterable[tuple[SnapshotKind, Snapshot]]:
    """Of all workspaces, for repairing what is published."""
    columns = regulation_keys.c
    query = (
        select(deletions, columns.sealed_key, regulations.c.type)
        .join(regulation_keys, columns.workspace_id == deletions.c.workspace_id)
        .join(regulations, regulations.c.id == deletions.c.id)
    )
    return [
        (SnapshotKind.DELETION, _snapshot_of(Deletion(*row[:-2]), row.sealed_key, row.type))
        for row in await connection.execute(query)
    ]


async def select_old(connection: AsyncConnection, before: int) -> list[tuple[str, str]]:
    """(id, workspace) of those whose history is gone everywhere."""
    query = select(deletions.c.id, deletions.c.workspace_id).where(deletions.c.before < before).limit(100)
    return [(row.id, row.workspace_id) for row in await connection.execute(query)]


async def end_deletions(connection: AsyncConnection, ended: Iterable[tuple[str, str]]) -> list[Change]:
    """The data plane is told by the returned changes."""
    changes = []
    for identifier, workspace_id in ended:
        await connection.execute(delete(deletions).where(deletions.c.id == identifier))
        changes.append(buried(SnapshotKind.DELETION, workspace_id, identifier, _VERSION + 1))
    return changes
