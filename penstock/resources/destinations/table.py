"""Destinations and their subscriptions."""

from sqlalchemy import BigInteger, Boolean, Column, ForeignKey, Index, Integer, LargeBinary, String, Table, Text

from penstock.infra.db import metadata

destinations = Table(
    "destinations",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("workspace_id", String(64), ForeignKey("workspaces.id"), nullable=False),
    Column("version", BigInteger, nullable=False),
    Column("source_id", String(64), ForeignKey("sources.id"), nullable=False),
    Column("metadata_id", String(64), nullable=False),
    Column("name", String(255), nullable=False),
    Column("enabled", Boolean, nullable=False),
    # JSON text, keys in the order in which they were sent. A secret stands here as a null that keeps its place.
    Column("settings", Text, nullable=False),
    # The secret settings: a sealed JSON object.
    Column("sealed_secrets", LargeBinary, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("enabled_at", BigInteger, nullable=False),
    # JSON: names of categories, and [type, name] of events.
    Column("consent_categories", Text, nullable=False, server_default="[]"),
    Column("blocked_events", Text, nullable=False, server_default="[]"),
    Index("ix_destinations_workspace_id_created_at", "workspace_id", "created_at", "id"),
    Index("ix_destinations_workspace_id_source_id", "workspace_id", "source_id"),
)

subscriptions = Table(
    "subscriptions",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("workspace_id", String(64), nullable=False),
    Column("destination_id", String(64), ForeignKey("destinations.id"), nullable=False),
    # Mapping order: each enabled mapping that matches makes a request, in this order.
    Column("position", Integer, nullable=False),
    Column("name", String(255), nullable=False),
    Column("action", String(255), nullable=False),
    Column("trigger", Text, nullable=False),
    Column("enabled", Boolean, nullable=False),
    Column("settings", Text, nullable=False),
    Column("model_id", String(64), nullable=False),
    Column("schedule", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Index("uq_subscriptions_destination_id_position", "destination_id", "position", unique=True),
)
