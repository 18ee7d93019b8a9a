"""Publishing snapshots: compare-and-set by revision, decided by the version inside, so that publishers may race.

Invariant: a key's version never goes down, whoever writes and in whatever order; a tombstone counts like a value.
"""

import asyncio

import structlog

from penstock.infra.log import Bucket, Entry, LogUnavailable, SequenceMismatch
from penstock.infra.snapshots.codec import pack, unpack
from penstock.kit.backoff import backoff
from penstock.spec.frame import FrameDamaged, FrameUnknown
from penstock.spec.snapshot import Snapshot, SnapshotKind, encode_snapshot, encode_tombstone, key_of

logger = structlog.get_logger(__name__)

TRIES = 50


class SnapshotStore:
    """The control plane's side of the bucket."""

    def __init__(self, bucket: Bucket) -> None:
        self._bucket = bucket

    async def publish(self, kind: SnapshotKind, snapshot: Snapshot, *, is_other: bool = False) -> bool:
        """Write a snapshot. False: a higher version stands there, and stays. Raises SnapshotTooLargeError, LogError.

        `is_other`: write it also over the same version, of which a release before made something else.
        """
        key = key_of(snapshot.workspace_id, kind, snapshot.id)
        return await self._replace(key, snapshot.version, pack(encode_snapshot(kind, snapshot)), is_other)

    async def bury(self, kind: SnapshotKind, workspace_id: str, identifier: str, version: int) -> bool:
        """Write the tombstone of a deleted resource. False: a higher version stands there, and stays."""
        key = key_of(workspace_id, kind, identifier)
        return await self._replace(key, version, pack(encode_tombstone(kind, workspace_id, identifier, version)))

    async def version_of(self, kind: SnapshotKind, workspace_id: str, identifier: str) -> int | None:
        """The version that stands in the bucket, or None; for comparing with the database."""
        entry = await self._bucket.get(key_of(workspace_id, kind, identifier))
        return None if entry is None else _version(entry)

    async def _replace(self, key: str, version: int, value: bytes, is_other: bool = False) -> bool:
        waits = backoff(0.001, 0.1)
        for _ in range(TRIES):
            standing = await self._bucket.get(key)
            found = _version(standing) if standing is not None else None
            if found is not None and (found > version or (found == version and not is_other)):
                return found == version
            try:
                await self._bucket.put(key, value, expected_revision=standing.revision if standing else 0)
            except SequenceMismatch:
                await asyncio.sleep(next(waits))  # somebody else wrote in between; look at what they wrote
            else:
                return True
        raise LogUnavailable(f"snapshot {key} could not be written in {TRIES} tries")


def _version(entry: Entry) -> int | None:
    """None: damaged, may be replaced. A value of a newer release has a version that nothing reaches."""
    try:
        return unpack(entry.value)[0].version
    except FrameUnknown as error:
        logger.error("A snapshot of a newer release is left alone.", key=entry.key, reason=str(error))  # noqa: TRY400
        return 1 << 62
    except FrameDamaged as error:
        logger.error("A damaged snapshot is replaced.", key=entry.key, reason=str(error))  # noqa: TRY400
        return None
