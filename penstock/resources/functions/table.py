"""Functions, their versions, and the instances of those that are inserted."""

from sqlalchemy import BigInteger, Boolean, Column, ForeignKey, Index, Integer, LargeBinary, String, Table, Text

from penstock.infra.db import metadata

functions = Table(
    "functions",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("workspace_id", String(64), nullable=False),
    # Of what the data plane is told.
    Column("version", BigInteger, nullable=False, server_default="1"),
    Column("resource_type", String(32), nullable=False),
    # Empty where the seed's client gave none.
    Column("display_name", String(255), nullable=False),
    # Null where none was given.
    Column("description", Text, nullable=True),
    Column("logo_url", Text, nullable=True),
    # The metadata id by which a destination or source of the function is made.
    Column("catalog_id", String(64), nullable=False),
    # Of its versions, the newest, and the one that runs (empty: none was deployed).
    Column("latest_id", String(64), nullable=False),
    Column("deployed_id", String(64), nullable=False),
    Column("deployed_at", BigInteger, nullable=True),
    Column("created_by", String(255), nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Index("ix_functions_workspace_id_created_at", "workspace_id", "created_at", "id"),
    Index("uq_functions_catalog_id", "catalog_id", unique=True),
)

function_versions = Table(
    "function_versions",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("workspace_id", String(64), nullable=False),
    Column("function_id", String(64), ForeignKey("functions.id"), nullable=False),
    Column("number", Integer, nullable=False),
    Column("code", Text, nullable=False),
    # JSON text: what an instance can set.
    Column("settings", Text, nullable=False),
    Column("author", String(255), nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
    # When it was deployed last; null: never.
    Column("deployed_at", BigInteger, nullable=True),
    Index("uq_function_versions_function_id_number", "function_id", "number", unique=True),
)

insert_function_instances = Table(
    "insert_function_instances",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("workspace_id", String(64), nullable=False),
    Column("function_id", String(64), ForeignKey("functions.id"), nullable=False),
    # A destination's id, or a source's for a function of the kind INSERT_SOURCE. It has at most one.
    Column("integration_id", String(64), nullable=False),
    Column("name", String(255), nullable=False),
    Column("enabled", Boolean, nullable=False),
    # JSON text. A sensitive value stands here as a null that keeps its place.
    Column("settings", Text, nullable=False),
    # The sensitive values: a sealed JSON object.
    Column("sealed_secrets", LargeBinary, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
    Index("ix_insert_function_instances_function_id_created_at", "function_id", "created_at", "id"),
    Index("uq_insert_function_instances_integration_id", "integration_id", unique=True),
)
