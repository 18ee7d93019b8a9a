"""Who asks: from the Bearer token to a principal of one workspace. Tokens are stored hashed; the table stands here."""

import msgspec
from sqlalchemy import JSON, BigInteger, Column, Index, LargeBinary, String, Table, select
from sqlalchemy.ext.asyncio import AsyncConnection

from penstock.api.errors import Forbidden, Unauthorized
from penstock.api.permissions import Permission, holds
from penstock.infra.db import metadata
from penstock.infra.secrets import hash_token
from penstock.kit.ids import resource_id

api_tokens = Table(
    "api_tokens",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("workspace_id", String(64), nullable=False),
    Column("name", String(255), nullable=False),
    Column("token_hash", String(64), nullable=False),
    Column("permissions", JSON, nullable=False),
    # Only the token of the first run is kept sealed, because every later start shows it again.
    Column("sealed_token", LargeBinary, nullable=True),
    Column("created_at", BigInteger, nullable=False),
    Index("uq_api_tokens_token_hash", "token_hash", unique=True),
)
_TOKEN_LIMIT = 512


class Principal(msgspec.Struct, frozen=True):
    """The token that asks, and its workspace."""

    token_id: str
    workspace_id: str
    name: str
    permissions: frozenset[str]

    def may(self, permission: Permission) -> bool:
        return holds(self.permissions, permission)

    def require(self, permission: Permission) -> None:
        """Raises Forbidden."""
        if not self.may(permission):
            raise Forbidden(f"the token lacks the permission {permission}")


def bearer_token(authorization: str) -> str:
    """The token in an `Authorization` header. Raises Unauthorized."""
    scheme, _, token = authorization.partition(" ")
    token = token.strip()
    if scheme.lower() != "bearer" or not token or len(token) > _TOKEN_LIMIT:
        raise Unauthorized("a Bearer token is required")
    return token


async def require_principal(connection: AsyncConnection, authorization: str) -> Principal:
    """Raises Unauthorized."""
    hashed = hash_token(bearer_token(authorization))
    found = (await connection.execute(select(api_tokens).where(api_tokens.c.token_hash == hashed))).one_or_none()
    if found is None:
        raise Unauthorized("the token is not known")
    return Principal(found.id, found.workspace_id, found.name, frozenset(found.permissions))


async def insert_token(
    connection: AsyncConnection,
    workspace_id: str,
    name: str,
    token: str,
    permissions: list[str],
    created_at: int,
    sealed_token: bytes | None = None,
) -> str:
    """Store a token by its hash; returns its id."""
    identifier = resource_id()
    values = {
        "id": identifier,
        "workspace_id": workspace_id,
        "name": name,
        "token_hash": hash_token(token),
        "permissions": permissions,
        "sealed_token": sealed_token,
        "created_at": created_at,
    }
    await connection.execute(api_tokens.insert().values(values))
    return identifier
