"""Workspaces."""

from sqlalchemy import BigInteger, Column, Index, String, Table

from penstock.infra.db import metadata

workspaces = Table(
    "workspaces",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("slug", String(255), nullable=False),
    Column("name", String(255), nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Index("uq_workspaces_slug", "slug", unique=True),
)
