"""Remembers which column a path has, because the same few paths come with every event."""

from collections.abc import Callable

_LIMIT = 50_000


class ColumnNames(dict[str, str]):
    """A bounded memory of `make`, by path. Full, it begins anew: senders of ever new names cost time and not memory."""

    def __init__(self, make: Callable[[str], str]) -> None:
        super().__init__()
        self._make = make

    def __missing__(self, path: str) -> str:
        if len(self) >= _LIMIT:
            self.clear()
        name = self[path] = self._make(path)
        return name
