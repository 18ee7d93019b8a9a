"""How much the data directory holds, by store."""

import os
from pathlib import Path


def disk_usage(data: Path) -> dict[str, int]:
    """Bytes by the names directly below the data directory. Blocking; files may come and go meanwhile."""
    usage: dict[str, int] = {}
    for entry in os.scandir(data):
        usage[entry.name] = _tree(entry.path) if entry.is_dir(follow_symlinks=False) else entry.stat().st_size
    return usage


def _tree(path: str) -> int:
    total = 0
    for directory, _, names in os.walk(path):
        for name in names:
            try:
                total += (Path(directory) / name).lstat().st_size
            except OSError:
                continue
    return total
