"""Which driver a slug stands for. A driver is imported when a warehouse of its kind is opened, not before."""

from collections.abc import Callable

from penstock.catalog.warehouses.port import Driver, WarehouseError


def _duckdb() -> Driver:
    from penstock.catalog.warehouses.duckdb import driver

    return driver


def _postgres() -> Driver:
    from penstock.catalog.warehouses.postgres import driver

    return driver


_DRIVERS: dict[str, Callable[[], Driver]] = {"duckdb": _duckdb, "postgres": _postgres}

SLUGS = tuple(_DRIVERS)


def driver_of(slug: str) -> Driver:
    """Raises WarehouseError where this release cannot load a warehouse of that kind."""
    make = _DRIVERS.get(slug)
    if make is None:
        raise WarehouseError(f"this release has no driver for {slug}")
    return make()
