"""How events ended, counted; and up to where the counts are folded."""

from sqlalchemy import BigInteger, Column, Index, Integer, String, Table

from penstock.infra.db import metadata

outcome_counts = Table(
    "outcome_counts",
    metadata,
    # A digest of everything that is grouped by: one key to look up on every database.
    Column("id", String(64), primary_key=True),
    Column("workspace_id", String(64), nullable=False),
    Column("source_id", String(64), nullable=False),
    Column("destination_id", String(64), nullable=False),
    Column("subscription_id", String(64), nullable=False),
    Column("outcome", String(64), nullable=False),
    Column("reason", String(255), nullable=False),
    Column("event_type", String(32), nullable=False),
    Column("event_name", String(255), nullable=False),
    Column("app_version", String(64), nullable=False, server_default=""),
    Column("minute", Integer, nullable=False),
    Column("count", BigInteger, nullable=False),
    Column("retries", BigInteger, nullable=False),
    Index("ix_outcome_counts_workspace_id_minute", "workspace_id", "minute"),
)

# How long deliveries took: a histogram per destination and minute (`spec.facts.latency_bucket`).
delivery_latencies = Table(
    "delivery_latencies",
    metadata,
    # A digest as above.
    Column("id", String(64), primary_key=True),
    Column("workspace_id", String(64), nullable=False),
    Column("source_id", String(64), nullable=False),
    Column("destination_id", String(64), nullable=False),
    Column("minute", Integer, nullable=False),
    Column("bucket", Integer, nullable=False),
    Column("count", BigInteger, nullable=False),
    Index("ix_delivery_latencies_destination_id_minute", "destination_id", "minute"),
)

fold_watermarks = Table(
    "fold_watermarks",
    metadata,
    # `facts.<role>.<shard>` or `delivery.<shard>.settled`.
    Column("subject", String(255), primary_key=True),
    # What the subject's last folded message tells of itself: a fact's `to`, a settling's sequence.
    Column("position", BigInteger, nullable=False),
    # Its sequence in the stream it was read from.
    Column("sequence", BigInteger, nullable=False),
)
