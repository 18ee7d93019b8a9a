"""Queries of the file: one statement that reads, bounded in rows, bytes, time and memory, with JSON-able values.

Three locks, because the engine calls `WITH … AS (INSERT …) SELECT` a select: the kind of statement, a transaction that
is read-only, and a configuration that is locked against the outside (`connection`).
"""

import base64
import math
import threading
from datetime import date, datetime, time
from pathlib import Path
from typing import Any

import duckdb

from penstock.catalog.warehouses.duckdb.connection import connect
from penstock.catalog.warehouses.port import QueryLimits, WarehouseError
from penstock.spec.calls import QueryResult

_READING = (duckdb.StatementType.SELECT, duckdb.StatementType.EXPLAIN)
_STATEMENT_LIMIT = 256 * 1024
_BYTES_LIMIT = 32 << 20
_CHUNK = 256


def query_file(path: Path | str, statement: str, limits: QueryLimits) -> QueryResult:
    """Ask a file that no process has open. What is wrong stands in the result's `error`."""
    try:
        connection = connect(Path(path), limits.megabytes, is_read_only=True)
    except WarehouseError as error:
        return _refusal(str(error))
    try:
        return run_query(connection, statement, limits)
    finally:
        connection.close()


def run_query(cursor: duckdb.DuckDBPyConnection, statement: str, limits: QueryLimits) -> QueryResult:
    """Run `statement` on `cursor`, which is the query's own."""
    if len(statement) > _STATEMENT_LIMIT:
        return _refusal(f"a statement may have {_STATEMENT_LIMIT} characters")
    timer = threading.Timer(limits.seconds, cursor.interrupt)
    timer.daemon = True
    try:
        statements = cursor.extract_statements(statement)
        if len(statements) != 1 or statements[0].type not in _READING:
            return _refusal("only one statement, and one that reads, is allowed")
        cursor.execute("BEGIN TRANSACTION READ ONLY")
        timer.start()
        try:
            cursor.execute(statements[0])
            return _result(cursor, limits.rows)
        finally:
            timer.cancel()
            cursor.execute("ROLLBACK")
    except duckdb.InterruptException:
        return _refusal(f"the query took longer than {limits.seconds:g} seconds")
    except duckdb.Error as error:
        return _refusal(str(error))
    finally:
        timer.cancel()


def _result(cursor: duckdb.DuckDBPyConnection, row_limit: int) -> QueryResult:
    description = cursor.description or []
    rows: list[list[Any]] = []
    size = 0
    is_truncated = False
    while found := cursor.fetchmany(min(_CHUNK, row_limit + 1)):
        for row in found:
            if len(rows) >= row_limit or size > _BYTES_LIMIT:
                is_truncated = True
                break
            values = [_plain(value) for value in row]
            size += sum(len(value) if isinstance(value, str) else 16 for value in values)
            rows.append(values)
        if is_truncated:
            break
    return QueryResult(
        [column[0] for column in description], [str(column[1]) for column in description], rows, is_truncated
    )


def _refusal(reason: str) -> QueryResult:
    return QueryResult([], [], [], False, reason)


def _plain(value: Any) -> Any:
    """A value of the engine as JSON has it: times ISO, decimals and intervals as text, bytes base64, integers exact."""
    if value is None or isinstance(value, str | bool | int):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if isinstance(value, dict):
        return {str(_plain(key)): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set):
        return [_plain(item) for item in value]
    return _text(value)


def _text(value: Any) -> str:
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    if isinstance(value, bytes | bytearray | memoryview):
        return base64.b64encode(value).decode()
    return str(value)
