"""DuckDB as an engine: Arrow tables are seen by statements as they are, and types are told as they are spelled."""

import contextlib
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import duckdb

from penstock.catalog.warehouses.sql.engine import BATCH, Capabilities
from penstock.catalog.warehouses.values import LogicalType

_NARROW = ("DECIMAL", "TINYINT", "SMALLINT", "INTEGER", "HUGEINT", "UTINYINT", "USMALLINT", "UINTEGER")
_PHYSICAL = {
    LogicalType.TIMESTAMP: "TIMESTAMP",
    LogicalType.INTEGER: "BIGINT",
    LogicalType.FLOAT: "DOUBLE",
    LogicalType.BOOLEAN: "BOOLEAN",
    LogicalType.VARCHAR: "VARCHAR",
}
_quoted = re.compile(r"""(["']).*\1""", re.DOTALL)
"""What is said of values holds them so; they may hold such marks themselves."""
_LOGICAL = {physical: logical for logical, physical in _PHYSICAL.items()}


class DuckDBEngine:
    """One connection to one file."""

    errors: tuple[type[Exception], ...] = (duckdb.Error,)
    capabilities = Capabilities()
    physical: Mapping[LogicalType, str] = _PHYSICAL
    # The file's name is that of its catalog, and the engine refuses a schema that is called like its catalog.
    reserved_schemas = frozenset(("main", "temp", "system", "information_schema", "pg_catalog"))

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self.connection = connection

    def words(self, error: Exception) -> str:
        text = str(error)
        return _quoted.sub("…", text) if isinstance(error, duckdb.DataError | duckdb.IntegrityError) else text

    def logical(self, physical: str) -> LogicalType | None:
        return _LOGICAL.get(physical)

    def prepare(self) -> None:
        """The engine has all that is needed."""

    def execute(self, statement: str, values: Sequence[Any] = ()) -> None:
        self.connection.execute(statement, list(values))

    def fetch(self, statement: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        return self.connection.execute(statement, list(values)).fetchall()

    def begin(self) -> None:
        self.connection.execute("BEGIN")

    def commit(self) -> None:
        self.connection.execute("COMMIT")

    def roll_back(self) -> None:
        # A commit that failed has rolled back already.
        with contextlib.suppress(duckdb.Error):
            self.connection.execute("ROLLBACK")
        with contextlib.suppress(duckdb.Error):
            self.connection.unregister(BATCH)

    def columns(self, schemas: Sequence[str]) -> list[tuple[str, str, str, str, bool]]:
        return [
            (schema, table, column, physical, bool(is_view))
            for schema, table, column, physical, is_view in self.fetch(
                "SELECT c.table_schema, c.table_name, c.column_name, c.data_type, t.table_type <> 'BASE TABLE' "
                "FROM information_schema.columns c "
                "JOIN information_schema.tables t USING (table_catalog, table_schema, table_name) "
                "WHERE list_contains(?::VARCHAR[], c.table_schema) AND c.table_catalog = current_database()",
                [list(schemas)],
            )
        ]

    @contextmanager
    def staged(self, table: Any) -> Iterator[None]:
        # After an error it stays: taking it away in a transaction that is aborted would hide the error.
        self.connection.register(BATCH, table)
        yield
        self.connection.unregister(BATCH)

    def try_cast(self, value: str, physical: str) -> str:
        return f"TRY_CAST({value} AS {physical})"

    def inexact(self, value: str, cast: str, physical: str) -> str:
        if physical.startswith(_NARROW):
            return f"TRY_CAST({value} AS DOUBLE) <> TRY_CAST({cast} AS DOUBLE)"
        return f"TRY_CAST({value} AS TIMESTAMP) <> {cast}::TIMESTAMP" if physical == "DATE" else "false"

    def latest(self, column: str) -> str:
        return f"arg_max({column}, {{'at': received_at, 'row': rowid}})"

    def table_made(self, place: str) -> None:
        """A column store finds ids without an index."""
