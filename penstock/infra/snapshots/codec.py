"""Snapshots as they stand in the bucket: the frame of `spec.snapshot`, compressed with zstd, bounded both ways."""

import zstandard

from penstock.spec.frame import FrameDamaged, FrameUnknown
from penstock.spec.snapshot import Snapshot, SnapshotEnvelope, SnapshotKind, decode_snapshot

LARGEST = 4 << 20
"""Compressed bytes of one value at most; above it the API refuses the change."""
LARGEST_UNPACKED = 64 << 20
FRAME_MAGIC = b"PSTK"


class SnapshotTooLargeError(Exception):
    """The compressed snapshot has `size` bytes, more than may be published."""

    def __init__(self, size: int) -> None:
        super().__init__(f"the snapshot has {size} bytes compressed; at most {LARGEST} are allowed")
        self.size = size


def pack(frame: bytes) -> bytes:
    """The value for the bucket. Raises SnapshotTooLargeError."""
    packed = zstandard.ZstdCompressor(level=3).compress(frame)
    if len(packed) > LARGEST or len(frame) > LARGEST_UNPACKED:
        raise SnapshotTooLargeError(len(packed))
    return packed


def unpack(value: bytes) -> tuple[SnapshotEnvelope, Snapshot | None]:
    """(envelope, snapshot or None for a tombstone). Raises FrameError: damaged, or unknown to this release."""
    frame = value if value.startswith(FRAME_MAGIC) else _decompressed(value)
    try:
        envelope, snapshot = decode_snapshot(frame)
        SnapshotKind(envelope.kind)  # tombstones are decoded without a look at it
    except ValueError as error:  # msgspec's errors are ValueErrors too: a struct or kind of another release
        raise FrameUnknown(f"the snapshot cannot be read: {error}") from error
    return envelope, snapshot


def _decompressed(value: bytes) -> bytes:
    try:
        size = zstandard.frame_content_size(value)
        if not 0 <= size <= LARGEST_UNPACKED:
            raise FrameDamaged(f"the value would unpack to {size} bytes")
        return zstandard.ZstdDecompressor().decompress(value)
    except zstandard.ZstdError as error:
        raise FrameDamaged(f"the value cannot be unpacked: {error}") from error
