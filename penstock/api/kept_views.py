"""Views of resources as JSON, kept for lists: a page of what has not changed is put together, not made again.

A view is kept under its resource's id and version, with all else that it depends on. Every change gives a resource its
next version in the transaction that makes it, so what is kept is never wrong, on whichever database and whichever
process has made the change; it only grows old, and the oldest go.
"""

from collections.abc import Hashable
from itertools import islice

import msgspec
from pydantic import BaseModel

_TOTAL_LIMIT = 24 << 20
_OVERHEAD = 512
"""Bytes of a view beside its JSON."""


class ReadyList(msgspec.Struct, frozen=True):
    """A list in an answer, each of its items the JSON of a `schema`."""

    schema: type[BaseModel]
    items: list[bytes]


class KeptViews:
    """In memory, bounded in bytes. To be filled with what is committed alone: by readers."""

    def __init__(self, limit: int = _TOTAL_LIMIT) -> None:
        self._limit = limit
        self._kept: dict[Hashable, bytes] = {}
        self._bytes = 0

    def find(self, key: Hashable) -> bytes | None:
        return self._kept.get(key)

    def keep(self, key: Hashable, view: BaseModel) -> bytes:
        """The view as JSON, as it stands in an answer."""
        json = view.model_dump_json(exclude_unset=True).encode()
        self._forget(key)
        self._kept[key] = json
        self._bytes += len(json) + _OVERHEAD
        if self._bytes > self._limit:
            for old in list(islice(self._kept, len(self._kept) // 2)):
                self._forget(old)
        return json

    def _forget(self, key: Hashable) -> None:
        if (found := self._kept.pop(key, None)) is not None:
            self._bytes -= len(found) + _OVERHEAD
