"""The one envelope of everything that Penstock persists in its log: a typed head and the bytes that it indexes.

Layout, little-endian: magic `PSTK` · version u8 · kind u8 · zero u16 · count u32 · head length u32 · body length u32 ·
CRC32C u32 (over all that stands before it and after it) · head (MessagePack array) · body. A head's rows hold (offset,
length) into the body, so a reader that needs the head alone never touches an event. Heads grow at their end only, with
defaults, so that a reader knows versions N and N-1.

Errors:
    FrameError
    ├── FrameDamaged     bytes are missing or changed: an alarm, never silence
    └── FrameUnknown     a version or kind that this release cannot read
"""

import struct
from collections.abc import Sequence
from enum import IntEnum
from typing import Generic, TypeVar

import google_crc32c
import msgspec

VERSION = 1
_FIXED = struct.Struct("<4sBBHIII")
_CHECKSUM = struct.Struct("<I")
PREFIX_LENGTH = _FIXED.size + _CHECKSUM.size
_MAGIC = b"PSTK"
_encoder = msgspec.msgpack.Encoder()

H = TypeVar("H", bound=msgspec.Struct)


class FrameError(Exception):
    """A frame cannot be read."""


class FrameDamaged(FrameError):  # noqa: N818 - the consequence is in the name
    """The bytes are not those that were written."""


class FrameUnknown(FrameError):  # noqa: N818
    """Written by a release that this one does not know, or not a frame of the kind asked for."""


class Kind(IntEnum):
    """What a frame holds; the number is persisted."""

    ACCEPTED = 1
    ROUTED = 2
    RETRY = 3
    QUARANTINE = 4
    SETTLED = 5
    MEMBERS = 6
    FACT = 7
    SNAPSHOT = 8


def encode(kind: Kind, head: msgspec.Struct, pieces: Sequence[bytes] = (), count: int | None = None) -> bytes:
    """One frame of `head` and the joined `pieces`; `count` (default: the number of pieces) stands in the prefix."""
    packed = _encoder.encode(head)
    body = b"".join(pieces)
    number = len(pieces) if count is None else count
    fixed = _FIXED.pack(_MAGIC, VERSION, kind, 0, number, len(packed), len(body))
    checksum = google_crc32c.extend(google_crc32c.extend(google_crc32c.value(fixed), packed), body)
    return b"".join((fixed, _CHECKSUM.pack(checksum), packed, body))


def kind_of(payload: bytes) -> Kind:
    """The kind in the prefix, unchecked beyond magic and version. Raises FrameError."""
    if len(payload) < PREFIX_LENGTH or payload[:4] != _MAGIC:
        raise FrameDamaged("not a frame")
    if payload[4] != VERSION:
        raise FrameUnknown(f"frame version {payload[4]}, known is {VERSION}")
    try:
        return Kind(payload[5])
    except ValueError as unknown:
        raise FrameUnknown(f"frame kind {payload[5]}") from unknown


def count_of(payload: bytes) -> int:
    """How many pieces the frame holds, from its prefix."""
    kind_of(payload)
    return int(_FIXED.unpack_from(payload)[4])


class Decoder(Generic[H]):
    """Reads the frames of one kind into `(head, body)`. One is made per kind at import: it compiles the head's type."""

    def __init__(self, kind: Kind, head_type: type[H]) -> None:
        self._kind = kind
        self._head = msgspec.msgpack.Decoder(head_type)

    def head(self, payload: bytes) -> H:
        """The head alone, the checksum not looked at: for readers that skip most frames. Raises FrameError."""
        if (found := kind_of(payload)) is not self._kind:
            raise FrameUnknown(f"a {found.name} frame where {self._kind.name} was expected")
        head_length = _FIXED.unpack_from(payload)[5]
        try:
            return self._head.decode(payload[PREFIX_LENGTH : PREFIX_LENGTH + head_length])
        except msgspec.MsgspecError as error:
            raise FrameDamaged(f"the head cannot be read: {error}") from error

    def frame(self, payload: bytes) -> tuple[H, memoryview]:
        """Head and body, checksum verified. Raises FrameError."""
        kind_of(payload)
        _, _, _, _, _, head_length, body_length = _FIXED.unpack_from(payload)
        if len(payload) != PREFIX_LENGTH + head_length + body_length:
            raise FrameDamaged(f"{len(payload)} bytes, {PREFIX_LENGTH + head_length + body_length} were written")
        (checksum,) = _CHECKSUM.unpack_from(payload, _FIXED.size)
        found = google_crc32c.extend(google_crc32c.value(payload[: _FIXED.size]), payload[PREFIX_LENGTH:])
        if found != checksum:
            raise FrameDamaged("the checksum does not match")
        return self.head(payload), memoryview(payload)[PREFIX_LENGTH + head_length :]
