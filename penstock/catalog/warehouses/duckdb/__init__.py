"""DuckDB, the warehouse in the data directory: one file, opened by one process, queried by read-only statements."""

from penstock.catalog.warehouses.duckdb.driver import DuckDBWarehouse, driver
from penstock.catalog.warehouses.duckdb.query import query_file
from penstock.catalog.warehouses.port import QueryLimits

__all__ = ["DuckDBWarehouse", "QueryLimits", "driver", "query_file"]
