"""Queries of the file: one statement that reads, bounded in rows, bytes, time and memory, with JSON-able values.

Three locks, because the engine calls `WITH … AS (INSERT …) SELECT` a select: the kind of statement, a transaction that
is read-only, and a configuration that is locked against the outside (`connection`).

Memory is bounded as far as the engine counts it: texts that one step of a query makes are outside its limit,
and that step hears of no interruption.
"""

import threading
from pathlib import Path

import duckdb

from penstock.catalog.warehouses.duckdb.connection import connect
from penstock.catalog.warehouses.port import QueryLimits, WarehouseError
from penstock.catalog.warehouses.sql.answering import STATEMENT_LIMIT, answer, refusal
from penstock.spec.calls import QueryResult

_READING = (duckdb.StatementType.SELECT, duckdb.StatementType.EXPLAIN)


def query_file(path: Path | str, statement: str, limits: QueryLimits) -> QueryResult:
    """Ask a file that no process has open. What is wrong stands in the result's `error`."""
    try:
        connection = connect(Path(path), limits.megabytes, is_read_only=True)
    except WarehouseError as error:
        return refusal(str(error))
    try:
        return run_query(connection, statement, limits)
    finally:
        connection.close()


def run_query(cursor: duckdb.DuckDBPyConnection, statement: str, limits: QueryLimits) -> QueryResult:
    """Run `statement` on `cursor`, which is the query's own."""
    if len(statement) > STATEMENT_LIMIT:
        return refusal(f"a statement may have {STATEMENT_LIMIT} characters")
    timer = threading.Timer(limits.seconds, cursor.interrupt)
    timer.daemon = True
    try:
        statements = cursor.extract_statements(statement)
        if len(statements) != 1 or statements[0].type not in _READING:
            return refusal("only one statement, and one that reads, is allowed")
        cursor.execute("BEGIN TRANSACTION READ ONLY")
        timer.start()
        try:
            cursor.execute(statements[0])
            described = cursor.description or []
            names, types = [column[0] for column in described], [str(column[1]) for column in described]
            return answer(names, types, cursor.fetchmany, limits.rows)
        finally:
            timer.cancel()
            cursor.execute("ROLLBACK")
    except duckdb.InterruptException:
        return refusal(f"the query took longer than {limits.seconds:g} seconds")
    except duckdb.Error as error:
        return refusal(str(error))
    finally:
        timer.cancel()
