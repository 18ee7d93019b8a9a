"""People of a workspace: those who have joined, and those who are invited."""

from sqlalchemy import BigInteger, Column, Index, String, Table

from penstock.infra.db import metadata

users = Table(
    "users",
    metadata,
    # A person keeps the id of the invite: permissions and groups go on from there.
    Column("id", String(64), primary_key=True),
    Column("workspace_id", String(64), nullable=False),
    # As it was spelled, and as it is compared.
    Column("email", String(255), nullable=False),
    Column("email_key", String(255), nullable=False),
    Column("name", String(255), nullable=False),
    Column("created_at", BigInteger, nullable=False),
    # Null while the person is only invited.
    Column("joined_at", BigInteger, nullable=True),
    Index("uq_users_workspace_id_email_key", "workspace_id", "email_key", unique=True),
    Index("ix_users_workspace_id_created_at", "workspace_id", "created_at", "id"),
)
