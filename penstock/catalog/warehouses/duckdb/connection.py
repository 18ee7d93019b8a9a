"""Opening the file: closed to everything but itself, bounded in memory, and honest about who else holds it.

The configuration is locked at once, so that no statement can open other files, load extensions, see Python's variables
or lift a limit.
"""

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb

from penstock.catalog.warehouses.port import WarehouseError, WarehouseLocked

_HOLDER = re.compile(r"PID (\d+)")
_SETTINGS = {
    "allow_community_extensions": "false",
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
    "python_enable_replacements": "false",
    "threads": "2",
    "max_temp_directory_size": "4GB",
}


def connect(file: Path, megabytes: int, *, is_read_only: bool = False) -> duckdb.DuckDBPyConnection:
    """An open database. Raises WarehouseLocked where another process has it, WarehouseError where it cannot be read."""
    settings: dict[str, str | bool | int | float | list[str]] = {**_SETTINGS, "memory_limit": f"{megabytes}MB"}
    try:
        connection = duckdb.connect(str(file), read_only=is_read_only, config=settings)
        connection.execute("SET GLOBAL TimeZone = 'UTC'")
        connection.execute("SET GLOBAL enable_external_access = false")
        connection.execute("SET GLOBAL lock_configuration = true")
    except duckdb.Error as error:
        reason = str(error)
        if "lock" in reason.lower():
            holder = _HOLDER.search(reason)
            raise WarehouseLocked(int(holder.group(1)) if holder else 0, reason) from error
        raise WarehouseError(reason) from error
    return connection


def quoted(name: str) -> str:
    """`name` as an identifier in SQL."""
    return '"' + name.replace('"', '""') + '"'


@contextmanager
def registered(connection: duckdb.DuckDBPyConnection, name: str, table: Any) -> Iterator[None]:
    """An Arrow table that statements see under `name`.

    After an error it stays until `forget`: taking it away in a transaction that is aborted would hide the error.
    """
    connection.register(name, table)
    yield
    connection.unregister(name)


def forget(connection: duckdb.DuckDBPyConnection, names: Iterable[str]) -> None:
    """Take away what a load that failed has left registered."""
    for name in names:
        connection.unregister(name)
