"""What warehouses do not load, and when they load."""

from sqlalchemy import Boolean, Column, ForeignKey, String, Table, Text

from penstock.infra.db import metadata

# What is listed here is off; everything else is loaded.
selective_syncs = Table(
    "selective_syncs",
    metadata,
    Column("warehouse_id", String(64), ForeignKey("warehouses.id"), primary_key=True),
    Column("source_id", String(64), primary_key=True),
    # Empty: the whole source.
    Column("collection", String(255), primary_key=True),
    # Empty: the whole collection.
    Column("property", String(255), primary_key=True),
)

sync_schedules = Table(
    "sync_schedules",
    metadata,
    Column("warehouse_id", String(64), ForeignKey("warehouses.id"), primary_key=True),
    Column("enabled", Boolean, nullable=False),
    # JSON text as it was sent; empty where none was.
    Column("times", Text, nullable=False),
    Column("timezone", String(64), nullable=False),
)
