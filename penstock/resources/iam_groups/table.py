"""Groups of people. Who is in one stands with the policies: every request is judged by it."""

from sqlalchemy import BigInteger, Column, Index, String, Table

from penstock.infra.db import metadata

user_groups = Table(
    "user_groups",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("workspace_id", String(64), nullable=False),
    Column("name", String(255), nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Index("ix_user_groups_workspace_id_created_at", "workspace_id", "created_at", "id"),
)
