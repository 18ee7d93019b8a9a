"""Event tables: rows whose id is not there yet are inserted, in one statement per table; what is there stays.

The look-back is the whole table. Dropping duplicates before anything is cast means that a repeated load neither adds a
row nor repeats a discard record. Ids are those of one source's schema: a copy that comes through another source of the
workspace is dropped by the pipeline within its window, and is that source's own row after it.
"""

# ruff: noqa: S608 - identifiers are quoted, values are parameters or Arrow

from datetime import datetime

import duckdb
import pyarrow as pa

from penstock.catalog.warehouses.batch import TableBatch
from penstock.catalog.warehouses.discards import DiscardKind, Discards
from penstock.catalog.warehouses.duckdb.catalog import TargetTable
from penstock.catalog.warehouses.duckdb.connection import quoted, registered
from penstock.catalog.warehouses.duckdb.staging import Staging

_BATCH = "penstock_batch"


def load_rows(
    connection: duckdb.DuckDBPyConnection,
    schema: str,
    batch: TableBatch,
    target: TargetTable | None,
    discards: Discards,
    loaded_at: datetime,
) -> tuple[int, frozenset[str]]:
    """(rows inserted, ids that were there already)."""
    if target is not None and target.is_view:
        discards.add(batch.name, "", batch.ids[0], f"{len(batch.ids)} rows", DiscardKind.NOT_A_TABLE)
        return 0, frozenset()
    place = f"{quoted(schema)}.{quoted(batch.name)}"
    present = present_ids(connection, place, target, batch.ids)
    if len(present) == len(batch.ids):
        return 0, present
    staged = Staging(connection, schema, discards).stage(batch, target, present, {})
    names = ", ".join(quoted(column.name) for column in staged.targets)
    values = ", ".join(staged.expression(column) for column in staged.targets)
    with registered(connection, _BATCH, staged.table):
        connection.execute(
            f"INSERT INTO {place} ({names}, uuid_ts) SELECT {values}, ?::TIMESTAMP FROM {_BATCH} b", [loaded_at]
        )
    return int(staged.table.num_rows), present


def present_ids(
    connection: duckdb.DuckDBPyConnection, place: str, target: TargetTable | None, ids: list[str]
) -> frozenset[str]:
    """Those of `ids` that the table holds."""
    if target is None or "id" not in target.columns:
        return frozenset()
    column = target.columns["id"]
    key = "t.id" if column.physical == "VARCHAR" else "t.id::VARCHAR"
    with registered(connection, _BATCH, pa.table({"id": pa.array(ids, pa.string())})):
        found = connection.execute(f"SELECT b.id FROM {_BATCH} b SEMI JOIN {place} t ON {key} = b.id").fetchall()
    return frozenset(row[0] for row in found)
