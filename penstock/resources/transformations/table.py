"""Transformations of sources."""

from sqlalchemy import BigInteger, Boolean, Column, ForeignKey, Index, LargeBinary, String, Table, Text

from penstock.infra.db import metadata

transformations = Table(
    "transformations",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("workspace_id", String(64), nullable=False),
    Column("source_id", String(64), ForeignKey("sources.id"), nullable=False),
    # Null where all destinations are meant, and the warehouses.
    Column("destination_metadata_id", String(64), nullable=True),
    Column("name", String(255), nullable=False),
    Column("enabled", Boolean, nullable=False),
    # FQL, as it was sent (wire `if`).
    Column("condition", Text, nullable=False),
    # JSON text of what was sent of the operations, but for the key of the hash.
    Column("operations", Text, nullable=False),
    Column("sealed_hash_key", LargeBinary, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
    Index("ix_transformations_workspace_id_created_at", "workspace_id", "created_at", "id"),
    Index("ix_transformations_source_id", "source_id"),
)
