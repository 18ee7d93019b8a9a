"""Which message ids were claimed: an index on disk, made from the heads of ROUTED, and the claims of frames in flight.

Invariants:
- `applied` and the claims up to it are written in one batch, so the index is never ahead of what it says.
- `applied` <= the pipeline's position. An index that says otherwise, that belongs to another life of the stream, or
  that cannot be read, is thrown away and made anew from the heads: it is derived, and needs no fsync.
- A claim is forgotten `dedupe_hours` after it was made at the earliest.
"""

import shutil
from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from pathlib import Path
from typing import Any

import msgspec
import structlog
from rocksdict import AccessType, BlockBasedOptions, Options, Rdict, WriteBatch

from penstock.spec.routed import RoutedHead

logger = structlog.get_logger(__name__)

_APPLIED = b"\x00applied"
_CLAIMED = b"\x01"
HOUR_SECONDS = 3_600
_BUFFER_BYTES = 8 << 20
_VERSION = 1


class Applied(msgspec.Struct, array_like=True, frozen=True):
    """How far the index is: the last ROUTED message in it, and the life of the stream that it was made from."""

    version: int
    sequence: int
    created: str


_decoder = msgspec.msgpack.Decoder(Applied)
_encode = msgspec.msgpack.Encoder().encode


def key_prefix(lap: str, workspace_id: str) -> str:
    """What all keys of a workspace begin with. The message id stands behind it, since it alone may hold a NUL."""
    return f"{lap}\0{workspace_id}\0"


def key_of(lap: str, workspace_id: str, message_id: str) -> bytes:
    """The key of a claim."""
    return (key_prefix(lap, workspace_id) + message_id).encode()


def keys_of(head: RoutedHead) -> list[bytes]:
    """The claims that a ROUTED frame tells: those of its rows, and those of events without one."""
    workspaces = [source.workspace_id for source in head.sources]
    claims = [key_of(head.lap, workspaces[row.source], row.message_id) for row in head.rows]
    claims += [key_of(head.lap, workspaces[source], message_id) for source, message_id in head.claims]
    return claims


class DedupeIndex:
    """The index of one shard. Only the process that runs the shard's pipeline may open it."""

    def __init__(self, directory: Path, hours: int) -> None:
        self._directory = directory
        self._seconds = hours * HOUR_SECONDS
        self._database = self._open()

    def close(self) -> None:
        self._database.close()

    def applied(self) -> Applied:
        """How far it is; sequence 0 and no life where it is new or cannot be read."""
        value = self._database.get(_APPLIED)
        if value is not None:
            try:
                found = _decoder.decode(value)
            except msgspec.MsgspecError:
                logger.warning("The dedupe index tells no position that can be read.", directory=str(self._directory))
            else:
                if found.version == _VERSION:
                    return found
        return Applied(_VERSION, 0, "")

    def known(self, keys: list[bytes]) -> set[bytes]:
        """Those of the keys that are claimed."""
        found = self._database.get(keys) if keys else []
        return {key for key, value in zip(keys, found, strict=True) if value is not None}

    def apply(self, claims: Iterable[bytes], sequence: int, created: str) -> None:
        """Write the claims of the frames up to `sequence`, and that they are written."""
        batch = WriteBatch(raw_mode=True)
        for claim in claims:
            batch.put(claim, _CLAIMED)
        batch.put(_APPLIED, _encode(Applied(_VERSION, sequence, created)))
        self._database.write(batch)

    def reset(self) -> None:
        """Throw everything away."""
        self._database.close()
        shutil.rmtree(self._directory)
        self._database = self._open()

    def _open(self) -> Any:
        self._directory.mkdir(parents=True, exist_ok=True)
        try:
            return self._open_at()
        except Exception as error:
            # Another process holds the lock: that is no damage, and the index is not ours to throw away.
            if "lock" in str(error).lower():
                raise
            logger.warning("The dedupe index is damaged and made anew.", reason=str(error))
            shutil.rmtree(self._directory)
            self._directory.mkdir(parents=True)
            return self._open_at()

    def _open_at(self) -> Any:
        return Rdict(str(self._directory), _options(), access_type=AccessType.with_ttl(self._seconds))


def _options() -> Any:
    options = Options(raw_mode=True)
    options.set_write_buffer_size(_BUFFER_BYTES)
    options.set_max_background_jobs(2)
    options.set_max_open_files(128)
    options.set_keep_log_file_num(2)
    options.set_stats_dump_period_sec(0)
    options.set_stats_persist_period_sec(0)
    table = BlockBasedOptions()
    # Most look-ups are of ids never seen: the filter answers them without reading.
    table.set_bloom_filter(10.0, block_based=False)
    options.set_block_based_table_factory(table)
    return options


class Claims:
    """Claims of frames that were judged and are not yet in the index, oldest frame first."""

    def __init__(self) -> None:
        self._frames: list[AbstractSet[bytes]] = []

    def __contains__(self, key: bytes) -> bool:
        return any(key in frame for frame in self._frames)

    def among(self, keys: list[bytes]) -> set[bytes]:
        """Those of the keys that are claimed."""
        wanted = set(keys)
        return {key for frame in self._frames for key in wanted & frame}

    def add(self, frame: AbstractSet[bytes]) -> None:
        self._frames.append(frame)

    def drop_oldest(self) -> None:
        """Its claims are in the index now."""
        del self._frames[0]

    def forget(self) -> None:
        self._frames.clear()
