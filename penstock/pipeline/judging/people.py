"""Who the events of one frame are from: salted hashes, from which distinct users are counted. No id leaves this module.

An event costs one look-up in a set; what is different is hashed once per frame, and mostly not even that: who sends now
has sent before.
"""

from collections.abc import Callable
from hashlib import blake2b
from typing import Any

from penstock.spec.routed import PeopleOfSource

HASH_BYTES = 8
_KNOWN_LIMIT = 50_000
_ID_LIMIT = 255
"""Characters of an id whose hash is remembered: one may have 32 KiB."""
Hashed = Callable[[str], bytes]


def hashing(salt: bytes) -> Hashed:
    """The hash of an id under the installation's salt. The last ones are remembered."""
    known: dict[str, bytes] = {}
    # The key is a block of its own: taken in once, and copied for each id.
    keyed = blake2b(digest_size=HASH_BYTES, key=salt)

    def hashed(identifier: str) -> bytes:
        found = known.get(identifier)
        if found is None:
            begun = keyed.copy()
            begun.update(identifier.encode("utf-8", "surrogatepass"))
            found = begun.digest()
            if len(identifier) <= _ID_LIMIT:
                if len(known) >= _KNOWN_LIMIT:
                    known.clear()
                known[identifier] = found
        return found

    return hashed


unsalted = hashing(b"")


class People:
    """Those of one frame."""

    def __init__(self, hashed: Hashed) -> None:
        self._hashed = hashed
        self._seen: set[tuple[int, Any, Any]] = set()

    def add(self, source: int, user_id: Any, anonymous_id: Any) -> None:
        """An event of `source`, an index into the frame's. Its ids were validated: text or nothing."""
        self._seen.add((source, user_id, anonymous_id))

    def counted(self) -> list[PeopleOfSource]:
        hashed = self._hashed
        found: dict[int, tuple[set[bytes], set[bytes], set[bytes]]] = {}
        for source, user_id, anonymous_id in self._seen:
            if source not in found:
                found[source] = set(), set(), set()
            users, anonymous, tied = found[source]
            if user_id:
                users.add(hashed(user_id))
            if anonymous_id:
                (tied if user_id else anonymous).add(hashed(anonymous_id))
        return [
            PeopleOfSource(source, b"".join(users), b"".join(anonymous), b"".join(tied))
            for source, (users, anonymous, tied) in found.items()
        ]
