"""What the data plane is told of suppressions: a segment for each regulation, until it is folded into the bases."""

import secrets
from collections.abc import Iterable, Sequence
from contextlib import suppress

import msgspec
from sqlalchemy import delete, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from penstock.api.unit import Unit
from penstock.infra.secrets import Sealer
from penstock.resources.regulations.repository import Regulation
from penstock.resources.regulations.table import regulation_keys
from penstock.resources.regulations.table import suppression_segments as segments
from penstock.spec.snapshot import Snapshot, SnapshotKind, SuppressionSnapshot
from penstock.spec.suppression import KEY_SIZE, SubjectHasher, SubjectType, packed


class Key(msgspec.Struct, frozen=True):
    """By which the ids of a workspace are hashed."""

    sealed: bytes
    opened: bytes
    number: int
    """Of the segment that is laid next."""

    def digests(self, subject_type: str, subject_ids: Iterable[str]) -> list[int]:
        hasher = SubjectHasher(self.opened, SubjectType(subject_type))
        return [hasher.digest(each) for each in subject_ids]


class Segment(msgspec.Struct, frozen=True):
    """One row."""

    id: str
    workspace_id: str
    source_id: str
    version: int
    number: int
    bits: int
    prefix: int
    suppressed: bytes
    ended: bytes


async def require_key(unit: Unit) -> Key:
    """The workspace's; made when it is first needed.

    Whoever has it is alone in making regulations of the workspace until their transaction ends.
    """
    where = regulation_keys.c.workspace_id == unit.workspace_id
    query = select(regulation_keys.c.sealed_key, regulation_keys.c.last_number).where(where).with_for_update()
    if (row := (await unit.connection.execute(query)).one_or_none()) is None:
        made = {"workspace_id": unit.workspace_id, "sealed_key": unit.sealer.seal(secrets.token_bytes(KEY_SIZE))}
        with suppress(IntegrityError):  # another has made it in between
            async with unit.connection.begin_nested():
                await unit.connection.execute(insert(regulation_keys).values(made))
        row = (await unit.connection.execute(query)).one()
    return Key(row.sealed_key, unit.sealer.open(row.sealed_key), row.last_number + 1)


async def get_key(connection: AsyncConnection, workspace_id: str, sealer: Sealer) -> Key:
    """Of a workspace that has regulations."""
    columns = regulation_keys.c
    query = select(columns.sealed_key, columns.last_number).where(columns.workspace_id == workspace_id)
    row = (await connection.execute(query)).one()
    return Key(row.sealed_key, sealer.open(row.sealed_key), row.last_number + 1)


async def lay(unit: Unit, regulation: Regulation, key: Key, digests: Sequence[int], *, is_ended: bool) -> None:
    """Tell the data plane of these people, over all that it was told before."""
    content = packed(digests)
    added = Segment(
        id=regulation.id,
        workspace_id=regulation.workspace_id,
        source_id=regulation.source_id,
        version=1,
        number=key.number,
        bits=0,
        prefix=0,
        suppressed=b"" if is_ended else content,
        ended=content if is_ended else b"",
    )
    await unit.connection.execute(insert(segments).values(msgspec.structs.asdict(added)))
    where = regulation_keys.c.workspace_id == unit.workspace_id
    await unit.connection.execute(update(regulation_keys).where(where).values(last_number=key.number))
    unit.publish(SnapshotKind.SUPPRESSION, snapshot_of(added, key.sealed))


async def bury_segments_of(unit: Unit, source_id: str) -> None:
    """The data plane forgets who was suppressed in a source."""
    where = (segments.c.workspace_id == unit.workspace_id, segments.c.source_id == source_id)
    for row in (await unit.connection.execute(select(segments.c.id, segments.c.version).where(*where))).all():
        unit.bury(SnapshotKind.SUPPRESSION, row.id, row.version + 1)
    await unit.connection.execute(delete(segments).where(*where))


def snapshot_of(segment: Segment, sealed_key: bytes) -> SuppressionSnapshot:
    return SuppressionSnapshot(**msgspec.structs.asdict(segment), sealed_key=sealed_key)


async def select_snapshots(connection: AsyncConnection) -> Iterable[tuple[SnapshotKind, Snapshot]]:
    """Of all workspaces, for repairing what is published."""
    keys = await connection.execute(select(regulation_keys.c.workspace_id, regulation_keys.c.sealed_key))
    sealed = {row.workspace_id: row.sealed_key for row in keys}
    found = [Segment(*row) for row in await connection.execute(select(segments))]
    return [(SnapshotKind.SUPPRESSION, snapshot_of(each, sealed[each.workspace_id])) for each in found]
