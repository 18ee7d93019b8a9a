"""Writes the file anew: DuckDB leaves the bytes of deleted rows where they are until it has a use for the place."""

import os
from pathlib import Path

import duckdb

from penstock.catalog.warehouses.port import WarehouseError
from penstock.infra.faults import fault_point


def rewrite(file: Path, megabytes: int) -> None:
    """The same database in a new file, which takes the old one's place whole. Needs its size in room for a moment.

    Nobody may have it open. Raises WarehouseError, and the old one stands.
    """
    fresh = file.with_name(f"{file.name}.rewritten")
    fresh.unlink(missing_ok=True)
    try:
        with duckdb.connect(":memory:", config={"memory_limit": f"{megabytes}MB", "threads": "2"}) as connection:
            # Attached to be written: what stands in its log of changes is brought into it first.
            connection.execute(f"ATTACH '{_text(file)}' AS penstock_before")
            connection.execute(f"ATTACH '{_text(fresh)}' AS penstock_after")
            connection.execute("COPY FROM DATABASE penstock_before TO penstock_after")
            connection.execute("CHECKPOINT penstock_after")
        _synced(fresh)
        fault_point("warehousing.rewritten")
        fresh.replace(file)
        _synced(file.parent)
    except (duckdb.Error, OSError) as error:
        fresh.unlink(missing_ok=True)
        raise WarehouseError(f"the file cannot be written anew: {error}") from error


def _text(file: Path) -> str:
    return str(file).replace("'", "''")


def _synced(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
