"""What Penstock keeps in the target about its own loads, written in the transaction of the rows: `penstock_meta`.

`positions` says how far each shard is loaded, `sources` where those sources stand that are elsewhere, `syncs` holds the
records of §13, `discards` the values that could not be stored as sent. These two keep 30 days. `collections` tells
which tables hold objects of a collection.
"""

# ruff: noqa: S608 - identifiers are ours, values are parameters or Arrow

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

import msgspec
import pyarrow as pa

from penstock.catalog.warehouses.batch import SourceBatch
from penstock.catalog.warehouses.port import Load, SyncRecord
from penstock.catalog.warehouses.sql.engine import BATCH, Engine
from penstock.catalog.warehouses.sql.schema import fitting, schema_of
from penstock.kit.ids import derived_id
from penstock.kit.time import format_iso

_KEPT = timedelta(days=30)
_TABLES = """
CREATE SCHEMA IF NOT EXISTS penstock_meta;
CREATE TABLE IF NOT EXISTS penstock_meta.positions (shard INTEGER, sequence BIGINT, updated_at TIMESTAMP);
ALTER TABLE penstock_meta.positions ADD COLUMN IF NOT EXISTS warehouse_id VARCHAR;
CREATE TABLE IF NOT EXISTS penstock_meta.sources (
    warehouse_id VARCHAR, shard INTEGER, source_id VARCHAR, sequence BIGINT
);
CREATE TABLE IF NOT EXISTS penstock_meta.syncs (
    id VARCHAR, source_id VARCHAR, shard INTEGER, sequence BIGINT, started_at TIMESTAMP, ended_at TIMESTAMP,
    status VARCHAR, row_count BIGINT, discard_count BIGINT, record VARCHAR
);
ALTER TABLE penstock_meta.syncs ADD COLUMN IF NOT EXISTS warehouse_id VARCHAR;
CREATE TABLE IF NOT EXISTS penstock_meta.discards (
    schema_name VARCHAR, table_name VARCHAR, column_name VARCHAR, row_id VARCHAR, value VARCHAR, reason VARCHAR,
    loaded_at TIMESTAMP
);
CREATE TABLE IF NOT EXISTS penstock_meta.collections (schema_name VARCHAR, table_name VARCHAR, collection VARCHAR);
"""
_OURS = "(warehouse_id = ? OR warehouse_id IS NULL)"
"""What a release wrote that knew one warehouse per target has no id."""


def moment(ms: int) -> datetime:
    """Milliseconds as the target stores times: UTC without a zone."""
    return datetime.fromtimestamp(ms / 1000, UTC).replace(tzinfo=None)


class Bookkeeping:
    """The tables of one warehouse; a target may hold those of another installation's beside it."""

    def __init__(self, engine: Engine, warehouse_id: str) -> None:
        self._engine = engine
        self._id = warehouse_id

    def prepare(self) -> None:
        self._engine.execute(_TABLES)
        self._engine.prepare()

    def positions(self) -> dict[int, int]:
        known = self._columns("positions")
        if not known:
            return {}
        ours, values = self._ours(known)
        return dict(
            self._engine.fetch(
                f"SELECT shard, max(sequence) FROM penstock_meta.positions WHERE {ours} GROUP BY shard", values
            )
        )

    def source_positions(self) -> dict[tuple[int, str], int] | None:
        if not self._columns("sources"):
            return None
        found = self._engine.fetch(
            "SELECT shard, source_id, sequence FROM penstock_meta.sources WHERE warehouse_id = ?", [self._id]
        )
        return {(shard, source_id): sequence for shard, source_id, sequence in found}

    def records_after(self, shard: int, sequence: int) -> list[SyncRecord]:
        known = self._columns("syncs")
        if not known:
            return []
        ours, values = self._ours(known)
        found = self._engine.fetch(
            f"SELECT record FROM penstock_meta.syncs WHERE {ours} AND shard = ? AND sequence > ? "
            "ORDER BY sequence, source_id",
            [*values, shard, sequence],
        )
        return [msgspec.json.decode(record, type=SyncRecord) for (record,) in found]

    def write_position(self, load: Load) -> None:
        self._engine.execute(f"DELETE FROM penstock_meta.positions WHERE {_OURS} AND shard = ?", [self._id, load.shard])
        self._engine.execute(
            "INSERT INTO penstock_meta.positions (shard, sequence, updated_at, warehouse_id) VALUES (?, ?, ?, ?)",
            [load.shard, load.to, moment(load.loaded_at), self._id],
        )

    def write_source_positions(self, load: Load) -> None:
        if not load.source_positions:
            return
        shards, source_ids = zip(*load.source_positions, strict=True)
        columns = {
            "shard": pa.array(shards, pa.int64()),
            "source_id": pa.array(source_ids, pa.string()),
            "sequence": pa.array(list(load.source_positions.values()), pa.int64()),
        }
        with self._engine.staged(pa.table(columns)):
            self._engine.execute(
                "DELETE FROM penstock_meta.sources WHERE warehouse_id = ? AND (shard, source_id) IN "
                f"(SELECT b.shard, b.source_id FROM {BATCH} b)",
                [self._id],
            )
            self._engine.execute(
                "INSERT INTO penstock_meta.sources (warehouse_id, shard, source_id, sequence) "
                f"SELECT ?, b.shard, b.source_id, b.sequence FROM {BATCH} b WHERE b.sequence IS NOT NULL",
                [self._id],
            )

    def write_discards(self, load: Load) -> None:
        rows = [
            (schema_of(source.schema, self._engine), found.table, found.column, found.row_id, found.value, found.kind)
            for source in load.sources
            for found in source.discards.kept
        ]
        if not rows:
            return
        names = ["schema_name", "table_name", "column_name", "row_id", "value", "reason"]
        texts = [[self._stored(text) for text in column] for column in zip(*rows, strict=True)]
        with self._engine.staged(pa.table([pa.array(column, pa.string()) for column in texts], names=names)):
            self._engine.execute(
                f"INSERT INTO penstock_meta.discards SELECT {', '.join(names)}, ?::TIMESTAMP FROM {BATCH}",
                [moment(load.loaded_at)],
            )
        self._engine.execute(
            "DELETE FROM penstock_meta.discards WHERE loaded_at < ?::TIMESTAMP", [moment(load.loaded_at) - _KEPT]
        )

    def collections(self, collection: str) -> set[tuple[str, str]]:
        """(schema, table) of a collection in every source, or (empty) of all."""
        found = self._engine.fetch("SELECT schema_name, table_name, collection FROM penstock_meta.collections")
        return {(schema, table) for schema, table, name in found if collection in ("", name)}

    def write_collections(self, load: Load) -> None:
        engine = self._engine
        rows = [
            (schema_of(source.schema, engine), fitting(batch.name, engine), batch.collection)
            for source in load.sources
            for batch in source.objects.values()
            if batch.collection
        ]
        if not rows:
            return
        names = ["schema_name", "table_name", "collection"]
        found = pa.table([pa.array(column, pa.string()) for column in zip(*rows, strict=True)], names=names)
        same = " AND ".join(f"c.{name} = b.{name}" for name in names)
        with engine.staged(found):
            engine.execute(
                f"INSERT INTO penstock_meta.collections SELECT {', '.join(names)} FROM {BATCH} b "
                f"WHERE NOT EXISTS (SELECT 1 FROM penstock_meta.collections c WHERE {same})"
            )

    def write_records(self, load: Load, records: Sequence[SyncRecord]) -> None:
        for record in records:
            self._engine.execute(
                "INSERT INTO penstock_meta.syncs (id, source_id, shard, sequence, started_at, ended_at, status, "
                "row_count, discard_count, record, warehouse_id) "
                "VALUES (?, ?, ?, ?, ?::TIMESTAMP, ?::TIMESTAMP, ?, ?, ?, ?, ?)",
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
                    self._stored(msgspec.json.encode(record).decode()),
                    self._id,
                ],
            )
        if records:
            self._engine.execute(
                "DELETE FROM penstock_meta.syncs WHERE ended_at < ?::TIMESTAMP", [moment(load.loaded_at) - _KEPT]
            )

    def _columns(self, table: str) -> set[str]:
        """Of one of the tables; empty where it is not there, because nothing has been loaded yet."""
        return {column for _, name, column, _, _ in self._engine.columns(["penstock_meta"]) if name == table}

    def _ours(self, columns: set[str]) -> tuple[str, list[str]]:
        """A condition on rows, and its values; a target of the first release has no ids yet."""
        return (_OURS, [self._id]) if "warehouse_id" in columns else ("true", [])

    def _stored(self, text: str) -> str:
        return text if self._engine.capabilities.takes_nul else text.replace("\0", "")


def record_of(load: Load, source: SourceBatch, collections: Mapping[str, int], seconds: float) -> SyncRecord:
    """The sync record of one source in a load that is about to commit, which brings it rows by table."""
    rows = sum(collections.values())
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
        {name: count for name, count in collections.items() if count},
    )
