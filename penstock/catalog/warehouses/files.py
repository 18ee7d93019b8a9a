"""Which file the embedded warehouse's settings name: said here, because the control plane must not import drivers."""

from collections.abc import Mapping
from pathlib import PurePath
from typing import Any

DEFAULT_FILE = "penstock.duckdb"
_NAME_LIMIT = 200
"""Bytes; a file that is being written anew has a longer name for a moment."""


def embedded_file(settings: Mapping[str, Any]) -> str:
    """The name of the file in the directory of warehouses. Raises ValueError."""
    name = PurePath(str(settings.get("file") or DEFAULT_FILE)).name
    if not name.startswith("penstock") or not name.endswith(".duckdb") or len(name.encode()) > _NAME_LIMIT:
        raise ValueError(f"the setting `file` must read penstock….duckdb, not {name[:_NAME_LIMIT]!r}")
    return name
