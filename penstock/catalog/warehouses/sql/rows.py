"""Event tables: rows whose id is not there yet are inserted, in one statement per table; what is there stays.

The look-back is the whole table. Dropping duplicates before anything is cast means that a repeated load neither adds a
row nor repeats a discard record. Ids are those of one source's schema: a copy that comes through another source of the
workspace is dropped by the pipeline within its window, and is that source's own row after it.
"""

# ruff: noqa: S608 - identifiers are quoted, values are parameters or Arrow

from datetime import datetime

import pyarrow as pa

from penstock.catalog.warehouses.batch import TableBatch
from penstock.catalog.warehouses.discards import DiscardKind, Discards
from penstock.catalog.warehouses.sql.engine import BATCH, Engine, quoted
from penstock.catalog.warehouses.sql.schema import Schema, TargetTable, fitting
from penstock.catalog.warehouses.sql.staging import Staging
from penstock.catalog.warehouses.values import LogicalType


def load_rows(
    engine: Engine, schema: str, batch: TableBatch, targets: Schema, discards: Discards, loaded_at: datetime
) -> tuple[int, frozenset[str]]:
    """(rows inserted, ids that were there already)."""
    table = fitting(batch.name, engine)
    target = targets.get(table)
    if target is not None and target.is_view:
        discards.add(batch.name, "", batch.ids[0], f"{len(batch.ids)} rows", DiscardKind.NOT_A_TABLE)
        return 0, frozenset()
    place = f"{quoted(schema)}.{quoted(table)}"
    present = present_ids(engine, place, target, batch.ids)
    if len(present) == len(batch.ids):
        return 0, present
    staged = Staging(engine, schema, discards).stage(batch, target, present, {})
    names = ", ".join(quoted(column.name) for column in staged.targets)
    values = ", ".join(staged.expression(column, engine) for column in staged.targets)
    with engine.staged(staged.table):
        # In the order of the log, which is that of the rows where two of them come at one moment.
        engine.execute(
            f"INSERT INTO {place} ({names}, uuid_ts) SELECT {values}, ?::TIMESTAMP FROM {BATCH} b", [loaded_at]
        )
    return int(staged.table.num_rows), present


def present_ids(engine: Engine, place: str, target: TargetTable | None, ids: list[str]) -> frozenset[str]:
    """Those of `ids` that the table holds."""
    if target is None or "id" not in target.columns:
        return frozenset()
    key = "t.id" if target.columns["id"].logical is LogicalType.VARCHAR else "t.id::VARCHAR"
    with engine.staged(pa.table({"id": pa.array(ids, pa.string())})):
        found = engine.fetch(f"SELECT b.id FROM {BATCH} b WHERE EXISTS (SELECT 1 FROM {place} t WHERE {key} = b.id)")
    return frozenset(row[0] for row in found)
