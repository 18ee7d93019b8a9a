"""Tracking plans, their rules, and the sources that they are for."""

from sqlalchemy import BigInteger, Column, Float, ForeignKey, Index, Integer, String, Table, Text

from penstock.infra.db import metadata

tracking_plans = Table(
    "tracking_plans",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("workspace_id", String(64), nullable=False),
    Column("slug", String(255), nullable=False),
    Column("name", String(255), nullable=False),
    # Null where none was given.
    Column("description", Text, nullable=True),
    Column("type", String(32), nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
    Column("version", BigInteger, nullable=False, server_default="1"),
    Index("ix_tracking_plans_workspace_id_created_at", "workspace_id", "created_at", "id"),
)

tracking_plan_rules = Table(
    "tracking_plan_rules",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("plan_id", String(64), ForeignKey("tracking_plans.id"), nullable=False),
    # As they were sent.
    Column("position", Integer, nullable=False),
    Column("type", String(16), nullable=False),
    # Empty where there is none.
    Column("key", String(500), nullable=False),
    Column("version", Float, nullable=False),
    Column("json_schema", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
    Index("ix_tracking_plan_rules_plan_id_position", "plan_id", "position"),
    Index("uq_tracking_plan_rules_identity", "plan_id", "type", "key", "version", unique=True),
)

tracking_plan_sources = Table(
    "tracking_plan_sources",
    metadata,
    # A source has at most one plan.
    Column("source_id", String(64), ForeignKey("sources.id"), primary_key=True),
    Column("workspace_id", String(64), nullable=False),
    Column("plan_id", String(64), ForeignKey("tracking_plans.id"), nullable=False),
    Index("ix_tracking_plan_sources_plan_id", "plan_id"),
)
