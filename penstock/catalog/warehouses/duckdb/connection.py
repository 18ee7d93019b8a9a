"""Opening the file: closed to everything but itself, bounded in memory, and honest about who else holds it.

The configuration is locked at once, so that no statement can open other files, load extensions, see Python's variables
or lift a limit.
"""

import re
from pathlib import Path

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
