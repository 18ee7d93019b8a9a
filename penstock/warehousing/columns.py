"""Remembers which column a path has, because the same few paths come with every event."""

from collections.abc import Callable

_LIMIT = 50_000


class ColumnNames:
    """A bounded memory of `make`: full, it begins anew, so that senders of ever new names cost time and not memory."""

    def __init__(self, make: Callable[[str], str]) -> None:
        self._make = make
        self._known: dict[str, str] = {}

    def of(self, path: str) -> str:
        name = self._known.get(path)
        if name is None:
            if len(self._known) >= _LIMIT:
                self._known.clear()
            name = self._known[path] = self._make(path)
        return name
