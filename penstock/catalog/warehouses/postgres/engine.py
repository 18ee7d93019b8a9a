"""Postgres as an engine. Types that Segment's own loader makes (`varchar(512)`, times with a zone) count as ours."""

import contextlib
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import psycopg
import pyarrow as pa

from penstock.catalog.warehouses.postgres.copying import copy_text
from penstock.catalog.warehouses.sql.engine import BATCH, Capabilities, quoted
from penstock.catalog.warehouses.values import LogicalType

_TEXT_LIMIT = 512
_PHYSICAL = {
    LogicalType.TIMESTAMP: "timestamp without time zone",
    LogicalType.INTEGER: "bigint",
    LogicalType.FLOAT: "double precision",
    LogicalType.BOOLEAN: "boolean",
    LogicalType.VARCHAR: "character varying",
}
_LOGICAL = {
    **{physical: logical for logical, physical in _PHYSICAL.items()},
    "timestamp with time zone": LogicalType.TIMESTAMP,
    "text": LogicalType.VARCHAR,
}
_BOUNDED_TEXT = re.compile(r"character varying\((\d+)\)")
_NUMBERS = ("numeric", "integer", "smallint", "real")
_STAGED = {
    pa.timestamp("us"): _PHYSICAL[LogicalType.TIMESTAMP],
    pa.int64(): _PHYSICAL[LogicalType.INTEGER],
    pa.float64(): _PHYSICAL[LogicalType.FLOAT],
    pa.bool_(): _PHYSICAL[LogicalType.BOOLEAN],
    pa.string(): _PHYSICAL[LogicalType.VARCHAR],
}
_OF_VALUES = ("22", "P0")
"""Classes of SQLSTATE."""
_LOCK = 0x70656E73746F636B
"""Of loads: one whose process was killed may still be about to commit when the next process begins."""
_LOCK_SECONDS = 30
_TRY_CAST = """
CREATE OR REPLACE FUNCTION penstock_meta.try_cast(value text, physical text, INOUT wanted anyelement) AS $body$
BEGIN
    EXECUTE format('SELECT CAST($1 AS %s)', physical) INTO wanted USING value;
EXCEPTION WHEN OTHERS THEN
    wanted := NULL;
END
$body$ LANGUAGE plpgsql
"""


class PostgresEngine:
    """One session."""

    errors: tuple[type[Exception], ...] = (psycopg.Error,)
    capabilities = Capabilities(
        text_limit=_TEXT_LIMIT, identifier_limit=63, column_limit=1_590, row_bytes=7_600, takes_nul=False
    )
    physical: Mapping[LogicalType, str] = _PHYSICAL
    reserved_schemas = frozenset(("public", "information_schema", "pg_catalog", "pg_toast"))

    def __init__(self, connection: psycopg.Connection[tuple[Any, ...]]) -> None:
        self.connection = connection

    def words(self, error: Exception) -> str:
        """The details hold rows; so may what is said of values, and by the customer's own triggers."""
        if not isinstance(error, psycopg.Error) or not error.sqlstate or not error.diag.message_primary:
            return str(error)
        if error.sqlstate.startswith(_OF_VALUES):
            return f"{type(error).__name__} ({error.sqlstate})"
        return error.diag.message_primary

    def logical(self, physical: str) -> LogicalType | None:
        if (match := _BOUNDED_TEXT.fullmatch(physical)) and int(match[1]) >= _TEXT_LIMIT:
            return LogicalType.VARCHAR
        return _LOGICAL.get(physical)

    def prepare(self) -> None:
        if not self.fetch("SELECT 1 FROM pg_proc WHERE pronamespace = 'penstock_meta'::regnamespace"):
            self.execute(_TRY_CAST)

    def execute(self, statement: str, values: Sequence[Any] = ()) -> None:
        self._run(statement, values)

    def fetch(self, statement: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        return self._run(statement, values).fetchall()

    def begin(self) -> None:
        self.execute("BEGIN")
        self.execute(f"SET LOCAL lock_timeout = '{_LOCK_SECONDS}s'")
        self.execute("SELECT pg_advisory_xact_lock(?)", [_LOCK])

    def commit(self) -> None:
        self.execute("COMMIT")

    def roll_back(self) -> None:
        with contextlib.suppress(psycopg.Error):
            self.execute("ROLLBACK")

    def columns(self, schemas: Sequence[str]) -> list[tuple[str, str, str, str, bool]]:
        return [
            (schema, table, column, physical, bool(is_view))
            for schema, table, column, physical, is_view in self.fetch(
                "SELECT n.nspname, c.relname, a.attname, format_type(a.atttypid, a.atttypmod), "
                "c.relkind NOT IN ('r', 'p') FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid "
                "JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = ANY(?) AND a.attnum > 0 "
                "AND c.relkind IN ('r', 'p', 'v', 'm', 'f') AND NOT a.attisdropped",
                [list(schemas)],
            )
        ]

    @contextmanager
    def staged(self, table: Any) -> Iterator[None]:
        columns = ", ".join(f"{quoted(field.name)} {_STAGED[field.type]}" for field in table.schema)
        self.execute(f"CREATE TEMPORARY TABLE {BATCH} ({columns}) ON COMMIT DROP")
        with self.connection.cursor() as cursor, cursor.copy(f"COPY {BATCH} FROM STDIN") as copy:
            for piece in copy_text(table):
                copy.write(piece)
        yield
        self.execute(f"DROP TABLE {BATCH}")

    def try_cast(self, value: str, physical: str) -> str:
        text = physical.replace("'", "''")
        return f"penstock_meta.try_cast({value}, '{text}', NULL::{physical})"

    def inexact(self, value: str, cast: str, physical: str) -> str:
        if physical.startswith(_NUMBERS):
            number = self.try_cast(value, _PHYSICAL[LogicalType.FLOAT])
            return f"{number} <> {cast}::double precision"
        if physical == "date":
            return f"{self.try_cast(value, _PHYSICAL[LogicalType.TIMESTAMP])} <> {cast}::timestamp"
        return f"{value} <> {cast}::text" if physical.startswith("character") else "false"

    def latest(self, column: str) -> str:
        # Rows are only ever added, so that their places tell their order.
        order = "received_at DESC NULLS LAST, ctid DESC"
        return f"(array_agg({column} ORDER BY {order}) FILTER (WHERE {column} IS NOT NULL))[1]"

    def table_made(self, place: str) -> None:
        self.execute(f"CREATE INDEX ON {place} (id)")

    def _run(self, statement: str, values: Sequence[Any]) -> psycopg.Cursor[tuple[Any, ...]]:
        if not values:
            return self.connection.execute(statement.encode())
        return self.connection.execute(statement.replace("%", "%%").replace("?", "%s").encode(), list(values))
