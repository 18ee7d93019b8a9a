"""The DuckDB warehouse: one transaction per load, which holds the rows, the records and the position, or nothing."""

import contextlib
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import duckdb

from penstock.catalog.warehouses.batch import SourceBatch
from penstock.catalog.warehouses.duckdb import bookkeeping
from penstock.catalog.warehouses.duckdb.catalog import Schema, read_schema, read_schemas, schema_of
from penstock.catalog.warehouses.duckdb.connection import connect, forget
from penstock.catalog.warehouses.duckdb.objects import ObjectLoading
from penstock.catalog.warehouses.duckdb.query import run_query
from penstock.catalog.warehouses.duckdb.rows import load_rows
from penstock.catalog.warehouses.port import Load, LoadReport, QueryLimits, SyncRecord, WarehouseError
from penstock.infra.faults import fault_point
from penstock.spec.calls import QueryResult

DEFAULT_FILE = "penstock.duckdb"


class DuckDBWarehouse:
    """One open file."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self._connection = connection

    def positions(self) -> dict[int, int]:
        try:
            return bookkeeping.read_positions(self._connection)
        except duckdb.Error as error:
            raise WarehouseError(str(error)) from error

    def records_after(self, shard: int, sequence: int) -> list[SyncRecord]:
        try:
            return bookkeeping.records_after(self._connection, shard, sequence)
        except duckdb.Error as error:
            raise WarehouseError(str(error)) from error

    def load(self, load: Load) -> LoadReport:
        try:
            self._connection.execute("BEGIN")
            try:
                report = self._load(load)
                fault_point("warehousing.in_transaction")
                self._connection.execute("COMMIT")
            except BaseException:
                self._roll_back()
                raise
        except duckdb.Error as error:
            raise WarehouseError(str(error)) from error
        return report

    def query(self, statement: str, limits: QueryLimits) -> QueryResult:
        cursor = self._connection.cursor()
        try:
            return run_query(cursor, statement, limits)
        finally:
            cursor.close()

    def close(self) -> None:
        self._connection.close()

    def _roll_back(self) -> None:
        # A commit that failed has rolled back already.
        with contextlib.suppress(duckdb.Error):
            self._connection.execute("ROLLBACK")
        with contextlib.suppress(duckdb.Error):
            forget(self._connection, ("penstock_batch", "penstock_foreign"))

    def _load(self, load: Load) -> LoadReport:
        begun = time.monotonic()
        bookkeeping.prepare(self._connection)
        total = events = 0
        records = []
        schemas = read_schemas(self._connection, sorted({schema_of(source.schema) for source in load.sources}))
        for source in load.sources:
            # Taken once: should two sources share a schema, the second one's tables are those that the first has left.
            schema = schema_of(source.schema)
            targets = schemas.pop(schema, None)
            if targets is None:
                targets = read_schema(self._connection, schema)
            rows = self._load_source(load, source, targets)
            total, events = total + rows, events + source.events
            if rows or source.discards.total:
                records.append(bookkeeping.record_of(load, source, rows, time.monotonic() - begun))
        bookkeeping.write_discards(self._connection, load)
        bookkeeping.write_records(self._connection, load, records)
        bookkeeping.write_position(self._connection, load)
        return LoadReport(total, events, records)

    def _load_source(self, load: Load, source: SourceBatch, targets: Schema) -> int:
        connection, schema = self._connection, schema_of(source.schema)
        loaded_at = bookkeeping.moment(load.loaded_at)
        repeated: dict[str, frozenset[str]] = {}
        rows = 0
        for table in source.tables.values():
            added, repeated[table.name] = load_rows(
                connection, schema, table, targets.get(table.name), source.discards, loaded_at
            )
            rows += added
        objects = ObjectLoading(connection, schema, source.discards, loaded_at)
        for batch in source.objects.values():
            rows += objects.load(batch, targets.get(batch.name), repeated.get(batch.calls_table, frozenset()))
        return rows


class DuckDBDriver:
    """Files in the data directory; the setting `file` names another than the default one."""

    def location(self, settings: Mapping[str, Any], directory: str) -> str:
        name = Path(str(settings.get("file") or DEFAULT_FILE)).name
        if not name.startswith("penstock") or not name.endswith(".duckdb"):
            raise WarehouseError(f"the setting `file` must read penstock….duckdb, not {name!r}")
        return str(Path(directory) / name)

    def exists(self, location: str) -> bool:
        return Path(location).exists()

    def open(self, location: str, megabytes: int) -> DuckDBWarehouse:
        file = Path(location)
        file.parent.mkdir(parents=True, exist_ok=True)
        return DuckDBWarehouse(connect(file, megabytes))


driver = DuckDBDriver()
