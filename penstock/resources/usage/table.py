"""What sources have used, by day."""

from sqlalchemy import BigInteger, Column, Index, Integer, LargeBinary, String, Table

from penstock.infra.db import metadata

source_usage = Table(
    "source_usage",
    metadata,
    # `<source id>.<day>`: one key to look up on every database.
    Column("id", String(96), primary_key=True),
    Column("workspace_id", String(64), nullable=False),
    Column("source_id", String(64), nullable=False),
    # Days since the epoch, UTC.
    Column("day", Integer, nullable=False),
    Column("calls", BigInteger, nullable=False),
    # Sketches (`kit/sketch.py`) of salted hashes: of user ids, of anonymous ids, of those that came with a user id.
    Column("users", LargeBinary, nullable=False),
    Column("anonymous", LargeBinary, nullable=False),
    Column("tied", LargeBinary, nullable=False),
    Index("ix_source_usage_workspace_id_day", "workspace_id", "day"),
)
