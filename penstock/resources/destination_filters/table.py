"""Filters of destinations."""

from sqlalchemy import BigInteger, Boolean, Column, ForeignKey, Index, Integer, String, Table, Text

from penstock.infra.db import metadata

destination_filters = Table(
    "destination_filters",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("workspace_id", String(64), nullable=False),
    Column("destination_id", String(64), ForeignKey("destinations.id"), nullable=False),
    # Filters of one kind act in this order.
    Column("position", Integer, nullable=False),
    Column("title", String(64), nullable=False),
    # Null where none was given: a client that gave none must not read one back.
    Column("description", Text, nullable=True),
    # FQL, as it was sent (wire `if`).
    Column("condition", Text, nullable=False),
    # JSON text, as it was sent but for the spelling of types.
    Column("actions", Text, nullable=False),
    Column("enabled", Boolean, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
    Index("uq_destination_filters_destination_id_position", "destination_id", "position", unique=True),
)
