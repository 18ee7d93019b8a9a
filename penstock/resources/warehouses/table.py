"""Warehouses, and which sources are not connected to them."""

from sqlalchemy import BigInteger, Boolean, Column, ForeignKey, Index, LargeBinary, String, Table, Text

from penstock.infra.db import metadata

warehouses = Table(
    "warehouses",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("workspace_id", String(64), ForeignKey("workspaces.id"), nullable=False),
    Column("version", BigInteger, nullable=False),
    Column("metadata_id", String(64), nullable=False),
    Column("name", String(255), nullable=False),
    Column("enabled", Boolean, nullable=False),
    Column("settings", Text, nullable=False),
    Column("sealed_secrets", LargeBinary, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Index("ix_warehouses_workspace_id_created_at", "workspace_id", "created_at", "id"),
)

# Embedded ones whose file stays though they load into it no more: they were deleted, or have another file now.
left_warehouses = Table(
    "left_warehouses",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("workspace_id", String(64), nullable=False, index=True),
    Column("name", String(255), nullable=False),
    Column("left_at", BigInteger, nullable=False),
)

# A source is connected to every warehouse unless it is listed here.
warehouse_exclusions = Table(
    "warehouse_exclusions",
    metadata,
    Column("warehouse_id", String(64), ForeignKey("warehouses.id"), primary_key=True),
    Column("source_id", String(64), primary_key=True),
    Column("workspace_id", String(64), nullable=False),
)
