"""The audit trail: one row per recorded change, written in the transaction of the operation that made it."""

from sqlalchemy import JSON, BigInteger, Column, Index, String, Table
from sqlalchemy.ext.asyncio import AsyncConnection

from penstock.api.auth import Principal
from penstock.infra.db import metadata
from penstock.kit.ids import resource_id

audit_events = Table(
    "audit_events",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("workspace_id", String(64), nullable=False),
    Column("timestamp", BigInteger, nullable=False),
    Column("type", String(255), nullable=False),
    Column("operation", String(255), nullable=False),
    Column("actor", String(255), nullable=False),
    # Where the actor is a person.
    Column("actor_email", String(255), nullable=True),
    Column("resource_type", String(64), nullable=False),
    Column("resource_id", String(255), nullable=False),
    Column("resource_name", String(255), nullable=False),
    Column("details", JSON, nullable=False),
    Index("ix_audit_events_workspace_id_timestamp", "workspace_id", "timestamp", "id"),
)


async def insert_audit_event(
    connection: AsyncConnection,
    principal: Principal,
    operation: str,
    timestamp: int,
    type_: str,
    resource: tuple[str, str, str],
) -> None:
    """`resource` is (type, id, name)."""
    resource_type, identifier, name = resource
    values = {
        "id": resource_id(),
        "workspace_id": principal.workspace_id,
        "timestamp": timestamp,
        "type": type_,
        "operation": operation,
        "actor": principal.actor,
        "actor_email": principal.email or None,
        "resource_type": resource_type,
        "resource_id": identifier,
        "resource_name": name[:255],
        "details": {},
    }
    await connection.execute(audit_events.insert().values(values))
