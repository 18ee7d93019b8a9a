"""The schema inventory: which events a source has seen and what they held, in all and by day."""

from sqlalchemy import BigInteger, Column, Index, Integer, LargeBinary, String, Table

from penstock.infra.db import metadata

seen_events = Table(
    "seen_events",
    metadata,
    # A digest of source, day, type and name: one key to look up on every database.
    Column("id", String(64), primary_key=True),
    Column("workspace_id", String(64), nullable=False),
    Column("source_id", String(64), nullable=False),
    # Days since the epoch, UTC; 0 stands for all days.
    Column("day", Integer, nullable=False),
    Column("event_type", String(32), nullable=False),
    Column("event_name", String(255), nullable=False),
    Column("count", BigInteger, nullable=False),
    # Milliseconds.
    Column("first", BigInteger, nullable=False),
    Column("last", BigInteger, nullable=False),
    # MessagePack: names with counts, types and times. Never a value.
    Column("properties", LargeBinary, nullable=False),
    Index("ix_seen_events_source_id_day", "source_id", "day"),
    Index("ix_seen_events_last", "last"),
)
