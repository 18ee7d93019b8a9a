"""Sources and their write keys."""

from sqlalchemy import BigInteger, Boolean, Column, ForeignKey, Index, Integer, String, Table, Text

from penstock.infra.db import metadata

sources = Table(
    "sources",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("workspace_id", String(64), ForeignKey("workspaces.id"), nullable=False),
    Column("version", BigInteger, nullable=False),
    Column("slug", String(255), nullable=False),
    # Empty until it is set: until then the name mirrors the slug.
    Column("name", String(255), nullable=False),
    Column("metadata_id", String(64), nullable=False),
    Column("enabled", Boolean, nullable=False),
    # JSON text, so that what was sent is given back with its keys in order.
    Column("settings", Text, nullable=False),
    Column("schema_name", String(255), nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Index("uq_sources_workspace_id_slug", "workspace_id", "slug", unique=True),
    Index("uq_sources_workspace_id_schema_name", "workspace_id", "schema_name", unique=True),
    Index("ix_sources_workspace_id_created_at", "workspace_id", "created_at", "id"),
)

write_keys = Table(
    "write_keys",
    metadata,
    Column("write_key", String(64), primary_key=True),
    Column("workspace_id", String(64), nullable=False),
    Column("source_id", String(64), ForeignKey("sources.id"), nullable=False),
    Column("position", Integer, nullable=False),
    Index("ix_write_keys_source_id", "source_id", "position"),
)
