"""Violations, counted by day and way of violating."""

from sqlalchemy import BigInteger, Column, Float, Index, Integer, String, Table, Text

from penstock.infra.db import metadata

violation_counts = Table(
    "violation_counts",
    metadata,
    # A digest of everything that is grouped by: one key to look up on every database.
    Column("id", String(64), primary_key=True),
    # A digest of all that but the day.
    Column("way", String(64), nullable=False),
    Column("workspace_id", String(64), nullable=False),
    Column("source_id", String(64), nullable=False),
    # Days since the epoch, UTC.
    Column("day", Integer, nullable=False),
    Column("event_type", String(32), nullable=False),
    Column("event_name", String(255), nullable=False),
    Column("rule_type", String(32), nullable=False),
    Column("rule_key", String(255), nullable=False),
    Column("rule_version", Float, nullable=False),
    Column("field", String(255), nullable=False),
    Column("kind", String(64), nullable=False),
    Column("count", BigInteger, nullable=False),
    # Milliseconds.
    Column("first", BigInteger, nullable=False),
    Column("last", BigInteger, nullable=False),
    # JSON text: the last ones, by message id. Never an event.
    Column("samples", Text, nullable=False),
    Index("ix_violation_counts_workspace_id_day", "workspace_id", "day"),
    Index("ix_violation_counts_source_id_day", "source_id", "day"),
)
