"""Whose request it is: the write key out of header or body, and what becomes of keys that nobody knows."""

import asyncio
import base64
import binascii
from collections.abc import Callable
from functools import lru_cache

from penstock.infra.log import LogError
from penstock.infra.snapshots import SnapshotView
from penstock.ingest.answers import Refusal, unavailable

SHORTEST, LONGEST = 10, 256
_LONGEST_HEADER = 1_024


def key_of(authorization: str | None, in_body: str | None) -> str:
    """The key of a request: its header's, or else its body's. Raises Refusal, as `plausible`."""
    if authorization and len(authorization) <= _LONGEST_HEADER and (key := _key_in(authorization)):
        return key
    return plausible(in_body)


@lru_cache(maxsize=4096)
def _key_in(authorization: str) -> str | None:
    key = basic_key(authorization)
    return plausible(key) if key else None


def basic_key(authorization: str) -> str | None:
    """The user name of a Basic header, or None where there is none or it is empty: then the body's key counts."""
    scheme, _, credentials = authorization.partition(" ")
    if scheme.lower() != "basic":
        return None
    credentials = credentials.strip()
    try:
        decoded = base64.b64decode(credentials + "=" * (-len(credentials) % 4), validate=True).decode()
    except (binascii.Error, UnicodeDecodeError, ValueError):
        return None
    return decoded.partition(":")[0] or None


def plausible(key: str | None) -> str:
    """The key itself. Raises Refusal where there is none, or none that anybody would have made."""
    if not key:
        raise Refusal(400, "missing_write_key", "Missing writeKey")
    if not SHORTEST <= len(key) <= LONGEST or not key.isprintable():
        raise Refusal(400, "invalid_write_key", "Invalid writeKey")
    return key


class StrictKeys:
    """Refuses keys that nobody knows, having looked once more: a source may have been made a moment ago.

    One look serves all requests that came before it began; while nobody can look, clients are told to come again.
    """

    def __init__(self, view: SnapshotView) -> None:
        self._view = view
        self._waiting: list[tuple[str, Callable[[], None], Callable[[Refusal], None]]] = []
        self._looking: asyncio.Task[None] | None = None

    def judge(self, key: str, store: Callable[[], None], refuse: Callable[[Refusal], None]) -> None:
        """Call one of the two, soon."""
        self._waiting.append((key, store, refuse))
        if self._looking is None or self._looking.done():
            self._looking = asyncio.create_task(self._look(), name="unknown write keys")

    async def _look(self) -> None:
        while asked := self._waiting:
            self._waiting = []
            refusal = Refusal(401, "unauthorized", "Unknown writeKey")
            try:
                await self._view.refresh()
            except LogError:
                refusal = unavailable()
            for key, store, refuse in asked:
                if self._view.source_by_write_key(key) is None:
                    refuse(refusal)
                else:
                    store()
