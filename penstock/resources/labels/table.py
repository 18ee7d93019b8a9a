"""Labels of workspaces."""

from sqlalchemy import BigInteger, Column, String, Table, Text

from penstock.infra.db import metadata

labels = Table(
    "labels",
    metadata,
    Column("workspace_id", String(64), primary_key=True),
    Column("key", String(255), primary_key=True),
    Column("value", String(255), primary_key=True),
    # Null where none was given: a client that gave none must not read one back.
    Column("description", Text, nullable=True),
    Column("created_at", BigInteger, nullable=False),
)
