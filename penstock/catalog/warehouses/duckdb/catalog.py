"""What is in a schema of the target now: read at every load, because the customer may have changed it since the last.

A type that is not one of ours reads as "there, foreign", never as absent.
"""

from collections.abc import Sequence

import duckdb
import msgspec

from penstock.catalog.warehouses.duckdb.connection import quoted
from penstock.catalog.warehouses.values import LogicalType

PHYSICAL = {
    LogicalType.TIMESTAMP: "TIMESTAMP",
    LogicalType.INTEGER: "BIGINT",
    LogicalType.FLOAT: "DOUBLE",
    LogicalType.BOOLEAN: "BOOLEAN",
    LogicalType.VARCHAR: "VARCHAR",
}
_LOGICAL = {physical: logical for logical, physical in PHYSICAL.items()}
_RESERVED_SCHEMAS = frozenset(("main", "temp", "system", "information_schema", "pg_catalog"))


class TargetColumn(msgspec.Struct, frozen=True):
    """A column as the engine describes it; `logical` is None where its type is foreign."""

    name: str
    physical: str

    @property
    def logical(self) -> LogicalType | None:
        return _LOGICAL.get(self.physical)


class TargetTable(msgspec.Struct, frozen=True):
    """Columns by lower-case name, because the engine does not tell cases apart."""

    columns: dict[str, TargetColumn]
    is_view: bool = False


def schema_of(name: str) -> str:
    """The schema of a source; names of the engine, of our own schema and of the file itself get a `_`.

    The file's name is that of its catalog, and the engine refuses a schema that is called like its catalog.
    """
    return "_" + name if name in _RESERVED_SCHEMAS or name.startswith("penstock") else name


Schema = dict[str, TargetTable]
"""Tables by lower-case name."""


def read_schema(connection: duckdb.DuckDBPyConnection, schema: str) -> Schema:
    """The tables of `schema`, which is made where it is missing."""
    return read_schemas(connection, [schema])[schema]


def read_schemas(connection: duckdb.DuckDBPyConnection, schemas: Sequence[str]) -> dict[str, Schema]:
    """Several at once: the engine goes through all columns of the file for each such question."""
    for schema in schemas:
        connection.execute(f"CREATE SCHEMA IF NOT EXISTS {quoted(schema)}")
    rows = connection.execute(
        "SELECT c.table_schema, c.table_name, c.column_name, c.data_type, t.table_type <> 'BASE TABLE' "
        "FROM information_schema.columns c "
        "JOIN information_schema.tables t USING (table_catalog, table_schema, table_name) "
        "WHERE list_contains(?::VARCHAR[], c.table_schema) AND c.table_catalog = current_database()",
        [list(schemas)],
    ).fetchall()
    found: dict[str, Schema] = {schema: {} for schema in schemas}
    for schema, table, column, physical, is_view in rows:
        known = found[schema].setdefault(table.lower(), TargetTable({}, bool(is_view)))
        known.columns[column.lower()] = TargetColumn(column, physical)
    return found
