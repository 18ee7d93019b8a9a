"""How a person is known where the id itself must not stand: by a keyed hash, the same in both planes."""

import hashlib
import sys
from array import array
from collections.abc import Iterable, Sequence
from enum import StrEnum

DIGEST_SIZE = 8
"""Bytes. Among ten million hashes a stranger's is found once in a million million."""
KEY_SIZE = 32


class SubjectType(StrEnum):
    """What an id names."""

    USER_ID = "USER_ID"
    ANONYMOUS_ID = "ANONYMOUS_ID"
    OBJECT_ID = "OBJECT_ID"


class SubjectHasher:
    """Hashes ids of one type with the key of one workspace."""

    def __init__(self, key: bytes, subject_type: SubjectType) -> None:
        self._empty = hashlib.blake2b(digest_size=DIGEST_SIZE, key=key, person=subject_type.encode())

    def digest(self, subject_id: str) -> int:
        """A number of 64 bits."""
        hashing = self._empty.copy()
        hashing.update(subject_id.encode("utf-8", "surrogatepass"))
        return int.from_bytes(hashing.digest(), "little")


def object_in(collection: str, object_id: str) -> str:
    """The subject that an object of one collection is; an object of any collection is its id."""
    return f"{collection.lower()}\0{object_id}"


def packed(digests: Iterable[int]) -> bytes:
    """Sorted, each once, 8 bytes little-endian."""
    found = array("Q", sorted(set(digests)))
    if sys.byteorder == "big":
        found.byteswap()
    return found.tobytes()


def unpacked(content: bytes) -> Sequence[int]:
    """What `packed` has written, without a copy where the machine's order of bytes is the same."""
    if sys.byteorder == "little":
        return memoryview(content).cast("Q")
    found = array("Q", content)
    found.byteswap()
    return found
