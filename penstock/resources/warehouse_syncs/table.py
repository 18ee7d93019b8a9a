"""What the warehousing role has reported: its syncs, and the collections that they brought rows to."""

from sqlalchemy import BigInteger, Column, Float, Index, String, Table, Text

from penstock.infra.db import metadata

warehouse_syncs = Table(
    "warehouse_syncs",
    metadata,
    # The record's own: a report that comes twice is the same row.
    Column("id", String(64), primary_key=True),
    Column("warehouse_id", String(64), nullable=False),
    # Empty where a sync failed before it came to a source.
    Column("source_id", String(64), nullable=False),
    Column("started_at", BigInteger, nullable=False),
    Column("ended_at", BigInteger, nullable=False),
    Column("status", String(32), nullable=False),
    # Seconds.
    Column("duration", Float, nullable=False),
    Column("row_count", BigInteger, nullable=False),
    # JSON text.
    Column("notices", Text, nullable=False),
    Index("ix_warehouse_syncs_warehouse_id_started_at", "warehouse_id", "started_at", "id"),
    Index("ix_warehouse_syncs_source", "warehouse_id", "source_id", "started_at", "id"),
    Index("ix_warehouse_syncs_started_at", "started_at"),
)

warehouse_collections = Table(
    "warehouse_collections",
    metadata,
    Column("warehouse_id", String(64), primary_key=True),
    Column("source_id", String(64), primary_key=True),
    Column("collection", String(255), primary_key=True),
)
