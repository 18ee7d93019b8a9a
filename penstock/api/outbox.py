"""The outbox: what a transaction changed for the data plane, written in it, published after it, in order.

A transaction's rows are ordered referred-to first (a source before its destinations), deletions in reverse and after
what lives. The payload is the snapshot's frame as it was then; its version decides in the bucket.
"""

import msgspec
from sqlalchemy import BigInteger, Column, Integer, LargeBinary, String, Table, delete, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from penstock.api.errors import BadRequest
from penstock.infra.db import metadata
from penstock.infra.snapshots import LARGEST, SnapshotTooLargeError, pack
from penstock.spec.snapshot import Snapshot, SnapshotKind, encode_snapshot, encode_tombstone

outbox = Table(
    "outbox",
    metadata,
    # SQLite gives numbers by itself to INTEGER keys alone.
    Column("number", BigInteger().with_variant(Integer(), "sqlite"), primary_key=True, autoincrement=True),
    Column("workspace_id", String(64), nullable=False),
    Column("kind", String(32), nullable=False),
    Column("resource_id", String(64), nullable=False),
    Column("payload", LargeBinary, nullable=False),
    # A number is never given twice, so that a waiting request cannot mistake another's row for its own.
    sqlite_autoincrement=True,
)
REFERRED_TO_FIRST = (
    SnapshotKind.PLAN,
    SnapshotKind.FUNCTION,
    SnapshotKind.SUPPRESSION,
    SnapshotKind.DELETION,
    SnapshotKind.SOURCE,
    SnapshotKind.DESTINATION,
    SnapshotKind.WAREHOUSE,
)


class Change(msgspec.Struct, frozen=True):
    """One snapshot that a transaction publishes or buries."""

    kind: SnapshotKind
    workspace_id: str
    resource_id: str
    is_deleted: bool
    payload: bytes


def published(kind: SnapshotKind, snapshot: Snapshot) -> Change:
    """Raises BadRequest where the snapshot is larger than the data plane can be told."""
    payload = encode_snapshot(kind, snapshot)
    if len(payload) > LARGEST // 2:
        try:
            pack(payload)
        except SnapshotTooLargeError as error:
            raise BadRequest(f"the {kind} would be too large: {error}") from error
    return Change(kind, snapshot.workspace_id, snapshot.id, False, payload)


def buried(kind: SnapshotKind, workspace_id: str, identifier: str, version: int) -> Change:
    return Change(kind, workspace_id, identifier, True, encode_tombstone(kind, workspace_id, identifier, version))


def in_order(changes: list[Change]) -> list[Change]:
    living = sorted((each for each in changes if not each.is_deleted), key=_rank)
    return living + sorted((each for each in changes if each.is_deleted), key=_rank, reverse=True)


def _rank(change: Change) -> int:
    return REFERRED_TO_FIRST.index(change.kind)


async def insert_changes(connection: AsyncConnection, changes: list[Change]) -> int:
    """Write the rows; returns the number of the last, 0 where there are none."""
    number = 0
    for change in in_order(changes):
        row = {name: getattr(change, name) for name in ("workspace_id", "kind", "resource_id", "payload")}
        result = await connection.execute(insert(outbox).values({**row, "kind": str(change.kind)}))
        key = result.inserted_primary_key
        number = int(key[0]) if key else number
    return number


class OutboxRow(msgspec.Struct, frozen=True):
    number: int
    payload: bytes


async def select_oldest(connection: AsyncConnection, limit: int) -> list[OutboxRow]:
    query = select(outbox.c.number, outbox.c.payload).order_by(outbox.c.number).limit(limit)
    return [OutboxRow(row.number, row.payload) for row in await connection.execute(query)]


async def delete_until(connection: AsyncConnection, number: int) -> None:
    await connection.execute(delete(outbox).where(outbox.c.number <= number))


async def is_waiting(connection: AsyncConnection, resource_id: str) -> bool:
    """Whether the data plane is still to be told something of a resource."""
    query = select(outbox.c.number).where(outbox.c.resource_id == resource_id).limit(1)
    return (await connection.execute(query)).first() is not None
