"""Who asks: from the Bearer token to a principal of one workspace. Tokens are stored hashed; the table stands here."""

import secrets
from collections.abc import Sequence

import msgspec
from sqlalchemy import JSON, BigInteger, Column, Index, LargeBinary, String, Table, bindparam, delete, select
from sqlalchemy.ext.asyncio import AsyncConnection

from penstock.api.errors import Unauthorized
from penstock.api.permissions import Permission, holds
from penstock.api.policies import select_policies_in_force
from penstock.api.reach import WHOLE, Grant, Reach, grants_in, lacking, reach_of
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
    # Whose it is, where it is a person's.
    Column("user_id", String(64), nullable=True),
    Column("email", String(255), nullable=True),
    # Null where it is good for ever.
    Column("expires_at", BigInteger, nullable=True),
    Column("created_at", BigInteger, nullable=False),
    Index("ix_api_tokens_workspace_id_created_at", "workspace_id", "created_at", "id"),
    Index("ix_api_tokens_user_id", "user_id"),
    Index("uq_api_tokens_token_hash", "token_hash", unique=True),
)
_BY_HASH = select(api_tokens).where(api_tokens.c.token_hash == bindparam("hashed"))
_TOKEN_LIMIT = 512


class Principal(msgspec.Struct, frozen=True):
    """The token that asks, and its workspace; where the token is a person's, also the person."""

    token_id: str
    workspace_id: str
    name: str
    permissions: frozenset[str] = frozenset()
    """Held on the whole workspace."""
    grants: tuple[Grant, ...] = ()
    user_id: str = ""
    email: str = ""
    expires_at: int | None = None
    """Milliseconds; None: never."""
    _reaches: dict[Permission, Reach] = msgspec.field(default_factory=dict)

    def is_in_force(self, now: int) -> bool:
        return self.expires_at is None or now < self.expires_at

    @property
    def actor(self) -> str:
        """Who it is in the audit trail."""
        return self.user_id or self.token_id

    def reach(self, permission: Permission) -> Reach:
        """On what the permission is held."""
        if permission not in self._reaches:
            is_whole = holds(self.permissions, permission)
            self._reaches[permission] = WHOLE if is_whole else reach_of(self.grants, permission)
        return self._reaches[permission]

    def require(self, permission: Permission) -> Reach:
        """On what the permission is held, which is something. Raises Forbidden."""
        reach = self.reach(permission)
        if reach.is_nothing:
            raise lacking(permission)
        return reach


class NewToken(msgspec.Struct, frozen=True):
    """What is kept of a token beside its hash."""

    workspace_id: str
    name: str
    permissions: tuple[str, ...] = ()
    """Held on the whole workspace. A token without any is judged by policies: its own and those of its person."""
    user_id: str | None = None
    email: str | None = None
    expires_at: int | None = None
    sealed_token: bytes | None = None


def bearer_token(authorization: str) -> str:
    """The token in an `Authorization` header. Raises Unauthorized."""
    scheme, _, token = authorization.partition(" ")
    token = token.strip()
    if scheme.lower() != "bearer" or not token or len(token) > _TOKEN_LIMIT:
        raise Unauthorized("a Bearer token is required")
    return token


async def require_principal(connection: AsyncConnection, authorization: str, now: int) -> Principal:
    """Raises Unauthorized."""
    hashed = hash_token(bearer_token(authorization))
    found = (await connection.execute(_BY_HASH, {"hashed": hashed})).one_or_none()
    if found is None:
        raise Unauthorized("the token is not known")
    permissions = frozenset(found.permissions)
    grants = () if permissions else grants_in(await select_policies_in_force(connection, found.id, found.user_id))
    person = found.user_id or "", found.email or ""
    principal = Principal(
        found.id, found.workspace_id, found.name, permissions, grants, *person, expires_at=found.expires_at
    )
    if not principal.is_in_force(now):
        raise Unauthorized("the token has expired")
    return principal


def new_token() -> str:
    """A token that nobody can guess."""
    return secrets.token_urlsafe(32)


async def insert_token(connection: AsyncConnection, token: str, new: NewToken, created_at: int) -> str:
    """Store a token by its hash; returns its id."""
    identifier = resource_id()
    kept = msgspec.structs.asdict(new) | {"permissions": list(new.permissions)}
    values = {**kept, "id": identifier, "token_hash": hash_token(token), "created_at": created_at}
    await connection.execute(api_tokens.insert().values(values))
    return identifier


async def delete_tokens_of(connection: AsyncConnection, user_ids: Sequence[str]) -> None:
    """What a person holds goes with the person."""
    await connection.execute(delete(api_tokens).where(api_tokens.c.user_id.in_(user_ids)))
