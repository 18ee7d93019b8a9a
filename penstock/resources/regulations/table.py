"""Regulations, the people or objects that they are about, and the suppressions that stand.

A regulation outlives its source, for it is the record of what somebody asked for.
"""

from sqlalchemy import BigInteger, Column, ForeignKey, Index, Integer, LargeBinary, String, Table, Text

from penstock.infra.db import metadata

regulations = Table(
    "regulations",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("workspace_id", String(64), nullable=False),
    # Empty where all sources of the workspace are meant.
    Column("source_id", String(64), nullable=False),
    # Of objects; empty for people.
    Column("collection", String(255), nullable=False),
    Column("type", String(32), nullable=False),
    Column("subject_type", String(16), nullable=False),
    # Of distinct subjects, so that a page of regulations is bounded before it is read.
    Column("subject_count", Integer, nullable=False),
    Column("subject_bytes", BigInteger, nullable=False),
    Column("status", String(16), nullable=False),
    Column("created_at", BigInteger, nullable=False),
    # 0 until it is done.
    Column("finished_at", BigInteger, nullable=False),
    Index("ix_regulations_workspace_id_created_at", "workspace_id", "source_id", "created_at", "id"),
    # For what is not done yet.
    Index("ix_regulations_finished_at_created_at", "finished_at", "created_at", "id"),
)

regulation_subjects = Table(
    "regulation_subjects",
    metadata,
    Column("regulation_id", String(64), ForeignKey("regulations.id"), primary_key=True),
    # As they were sent.
    Column("position", Integer, primary_key=True),
    Column("subject_id", Text, nullable=False),
)

suppressions = Table(
    "suppressions",
    metadata,
    Column("workspace_id", String(64), primary_key=True),
    # Empty where all sources of the workspace are meant.
    Column("source_id", String(64), primary_key=True),
    Column("subject_type", String(16), primary_key=True),
    # The keyed hash of the subject in hexadecimal digits; the id itself stands in the regulation alone.
    Column("digest", String(16), primary_key=True),
    Column("regulation_id", String(64), ForeignKey("regulations.id"), nullable=False),
    Column("position", Integer, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Index("ix_suppressions_workspace_id_created_at", "workspace_id", "created_at", "digest"),
)

regulation_deletions = Table(
    "regulation_deletions",
    metadata,
    Column("id", String(64), ForeignKey("regulations.id"), primary_key=True),
    Column("workspace_id", String(64), nullable=False),
    Column("source_id", String(64), nullable=False),
    Column("subject_type", String(16), nullable=False),
    # What came until then is meant.
    Column("before", BigInteger, nullable=False),
    # Sorted hashes, as the data plane is told them.
    Column("digests", LargeBinary, nullable=False),
)

regulation_steps = Table(
    "regulation_steps",
    metadata,
    Column("regulation_id", String(64), ForeignKey("regulations.id"), primary_key=True),
    # As `spec/stores.py` names it, or `warehouse` or `destination`.
    Column("store", String(64), primary_key=True),
    # Of the warehouse or the destination; else empty.
    Column("target_id", String(64), primary_key=True),
    # Of a destination.
    Column("source_id", String(64), nullable=False),
    Column("name", String(255), nullable=False),
    Column("method", String(255), nullable=False),
    Column("state", String(16), nullable=False),
    Column("row_count", BigInteger, nullable=False),
    # How many subjects were done.
    Column("position", Integer, nullable=False),
    Column("error", Text, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("next_at", BigInteger, nullable=False),
    # When the last byte is gone; 0 until it is known.
    Column("gone_at", BigInteger, nullable=False),
    Index("ix_regulation_steps_state_next_at", "state", "next_at"),
)

regulation_keys = Table(
    "regulation_keys",
    metadata,
    # A workspace gets its key with its first regulation, and never another: hashes would be lost with it.
    Column("workspace_id", String(64), primary_key=True),
    Column("sealed_key", LargeBinary, nullable=False),
    # Of the segment that was laid last.
    Column("last_number", BigInteger, nullable=False, server_default="0"),
)

suppression_segments = Table(
    "suppression_segments",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("workspace_id", String(64), nullable=False),
    Column("source_id", String(64), nullable=False),
    Column("version", BigInteger, nullable=False),
    # 0: a base.
    Column("number", BigInteger, nullable=False),
    Column("bits", Integer, nullable=False),
    Column("prefix", Integer, nullable=False),
    # Sorted hashes, as the data plane is told them.
    Column("suppressed", LargeBinary, nullable=False),
    Column("ended", LargeBinary, nullable=False),
    Index("ix_suppression_segments_scope", "workspace_id", "source_id", "number"),
)
