"""Files that a warehouse has loaded into and loads into no more: it was deleted, or its settings name another one.

Their data stays, and is their owner's: whoever is deleted goes from them as from the file that is loaded.
"""

import asyncio
from collections.abc import Set as AbstractSet

from penstock.catalog.warehouses.drivers import driver_of
from penstock.catalog.warehouses.port import Site
from penstock.warehousing.loading import Forget

_SLUG = "duckdb"


class LeftFiles:
    """One deletion at a time: a file is written anew while nobody has it open."""

    def __init__(self) -> None:
        self._turn = asyncio.Lock()

    async def forget(self, site: Site, but: AbstractSet[str], forget: Forget, *, is_last: bool) -> dict[str, int]:
        """Delete from all that the site's warehouse has left, but from places of these names. Answers rows by table.

        A file that was removed is no error. Raises WarehouseError where one cannot be opened, or written anew.
        """
        async with self._turn:
            return await asyncio.to_thread(_forget, site, but, forget, is_last=is_last)


def _forget(site: Site, but: AbstractSet[str], forget: Forget, *, is_last: bool) -> dict[str, int]:
    rows: dict[str, int] = {}
    for place in driver_of(_SLUG).left(site, but):
        warehouse = place.open()
        try:
            found = forget(warehouse)
        finally:
            warehouse.close()
        rows = added(rows, found)
        # Also where nothing was found: it may have been deleted by a call that was cut off before this.
        if is_last:
            place.rewrite()
    return rows


def added(rows: dict[str, int], more: dict[str, int]) -> dict[str, int]:
    """Both together, by table."""
    return rows | {table: rows.get(table, 0) + count for table, count in more.items()}
