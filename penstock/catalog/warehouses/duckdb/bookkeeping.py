"""What Penstock keeps in the target about its own loads, written in the transaction of the rows: `penstock_meta`.

`positions` says how far each shard is loaded, `syncs` holds the records of §13, `discards` the values that could not be
stored as sent. The last two keep 30 days.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import duckdb
import msgspec
import pyarrow as pa

from penstock.catalog.warehouses.batch import SourceBatch
from penstock.catalog.warehouses.duckdb.catalog import schema_of
from penstock.catalog.warehouses.duckdb.connection import registered
from penstock.catalog.warehouses.port import Load, SyncRecord
from penstock.kit.ids import derived_id
from penstock.kit.time import format_iso

_KEPT = timedelta(days=30)
_TABLES = """
CREATE SCHEMA IF NOT EXISTS penstock_meta;
CREATE TABLE IF NOT EXISTS penstock_meta.positions (shard INTEGER, sequence BIGINT, updated_at TIMESTAMP);
CREATE TABLE IF NOT EXISTS penstock_meta.syncs (
    id VARCHAR, source_id VARCHAR, shard INTEGER, sequence BIGINT, started_at TIMESTAMP, ended_at TIMESTAMP,
    status VARCHAR, row_count BIGINT, discard_count BIGINT, record VARCHAR
);
CREATE TABLE IF NOT EXISTS penstock_meta.discards (
    schema_name VARCHAR, table_name VARCHAR, column_name VARCHAR, row_id VARCHAR, value VARCHAR, reason VARCHAR,
    loaded_at TIMESTAMP
);
"""


def moment(ms: int) -> datetime:
    """Milliseconds as the target stores times: UTC without a zone."""
    return datetime.fromtimestamp(ms / 1000, UTC).replace(tzinfo=None)


def prepare(connection: duckdb.DuckDBPyConnection) -> None:
    connection.execute(_TABLES)


def read_positions(connection: duckdb.DuckDBPyConnection) -> dict[int, int]:
    if not _is_there(connection):
        return {}
    return dict(
        connection.execute("SELECT shard, max(sequence) FROM penstock_meta.positions GROUP BY shard").fetchall()
    )


def records_after(connection: duckdb.DuckDBPyConnection, shard: int, sequence: int) -> list[SyncRecord]:
    if not _is_there(connection):
        return []
    found = connection.execute(
        "SELECT record FROM penstock_meta.syncs WHERE shard = ? AND sequence > ? ORDER BY sequence, source_id",
        [shard, sequence],
    ).fetchall()
    return [msgspec.json.decode(record, type=SyncRecord) for (record,) in found]


def _is_there(connection: duckdb.DuckDBPyConnection) -> bool:
    found = connection.execute(
        "SELECT count(*) FROM information_schema.tables WHERE table_schema = 'penstock_meta' "
        "AND table_name IN ('positions', 'syncs')"
    ).fetchone()
    return found is not None and found[0] == 2


def write_position(connection: duckdb.DuckDBPyConnection, load: Load) -> None:
    connection.execute("DELETE FROM penstock_meta.positions WHERE shard = ?", [load.shard])
    connection.execute(
        "INSERT INTO penstock_meta.positions VALUES (?, ?, ?)", [load.shard, load.to, moment(load.loaded_at)]
    )


def write_discards(connection: duckdb.DuckDBPyConnection, load: Load) -> None:
    rows = [
        (schema_of(source.schema), found.table, found.column, found.row_id, found.value, found.kind)
        for source in load.sources
        for found in source.discards.kept
    ]
    if not rows:
        return
    names = ("schema_name", "table_name", "column_name", "row_id", "value", "reason")
    columns = [pa.array(column, pa.string()) for column in zip(*rows, strict=True)]
    with registered(connection, "penstock_batch", pa.table(columns, names=list(names))):
        connection.execute(
            "INSERT INTO penstock_meta.discards SELECT *, ?::TIMESTAMP FROM penstock_batch", [moment(load.loaded_at)]
        )
    connection.execute(
        "DELETE FROM penstock_meta.discards WHERE loaded_at < ?::TIMESTAMP", [moment(load.loaded_at) - _KEPT]
    )


def record_of(load: Load, source: SourceBatch, rows: int, seconds: float) -> SyncRecord:
    """The sync record of one source in a load that is about to commit."""
    end = format_iso(load.loaded_at + round(seconds * 1000))
    notices = [{"level": "WARNING", "message": text, "createdAt": end} for text in source.discards.notices()]
    status = "SUCCESS" if not notices else "PARTIAL" if rows else "FAILURE"
    start = format_iso(load.started_at)
    duration = max(0.0, (load.loaded_at - load.started_at) / 1000 + seconds)
    identifier = derived_id(load.warehouse_id, source.source_id, str(load.shard), str(load.after), str(load.to))
    return SyncRecord(
        identifier,
        load.warehouse_id,
        source.source_id,
        load.shard,
        load.to,
        start,
        end,
        status,
        round(duration, 3),
        rows,
        source.discards.total,
        notices,
    )


def write_records(connection: duckdb.DuckDBPyConnection, load: Load, records: Sequence[SyncRecord]) -> None:
    for record in records:
        connection.execute(
            "INSERT INTO penstock_meta.syncs VALUES (?, ?, ?, ?, ?::TIMESTAMP, ?::TIMESTAMP, ?, ?, ?, ?)",
            [
                record.id,
                record.source_id,
                record.shard,
                record.to,
                record.start.removesuffix("Z"),
                record.end.removesuffix("Z"),
                record.status,
                record.count,
                record.discards,
                msgspec.json.encode(record).decode(),
            ],
        )
    if records:
        connection.execute(
            "DELETE FROM penstock_meta.syncs WHERE ended_at < ?::TIMESTAMP", [moment(load.loaded_at) - _KEPT]
        )
