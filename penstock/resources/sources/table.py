"""Sources, their write keys and their labels."""

from sqlalchemy import BigInteger, Boolean, Column, ForeignKey, Index, Integer, String, Table, Text, true

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
    # What the edge and the pipeline do with its events; not part of the contract.
    Column("event_rate", Integer, nullable=False, server_default="0"),
    Column("ip", String(16), nullable=False, server_default="keep"),
    # JSON text of what was set, by wire names: what becomes of events that are not as the tracking plan has them.
    Column("schema_settings", Text, nullable=False, server_default="{}"),
    # JSON text, by wire names: which events and properties do not pass while it has no plan; not part of the contract.
    Column("schema_filters", Text, nullable=False, server_default="{}"),
    # Whether what it blocks stands in quarantine; not part of the contract.
    Column("keep_blocked_events", Boolean, nullable=False, server_default=true()),
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

source_labels = Table(
    "source_labels",
    metadata,
    Column("source_id", String(64), ForeignKey("sources.id"), primary_key=True),
    Column("key", String(255), primary_key=True),
    Column("value", String(255), nullable=False),
    Column("workspace_id", String(64), nullable=False),
    Index("ix_source_labels_workspace_id", "workspace_id", "key", "value"),
)
