"""Queries on tokens. The table stands with `api/auth`, which looks into it at every request."""

import msgspec
from sqlalchemy import delete, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from penstock.api.auth import api_tokens as tokens
from penstock.api.errors import NotFound
from penstock.api.pagination import Page, in_page


class Token(msgspec.Struct, frozen=True):
    """What is told of one row."""

    id: str
    name: str
    permissions: list[str]
    user_id: str | None
    email: str | None
    created_at: int
    expires_at: int | None


_COLUMNS = [tokens.c[name] for name in Token.__struct_fields__]


async def require_token(connection: AsyncConnection, workspace_id: str, token_id: str) -> Token:
    """Raises NotFound."""
    where = (tokens.c.workspace_id == workspace_id, tokens.c.id == token_id)
    row = (await connection.execute(select(*_COLUMNS).where(*where))).one_or_none()
    if row is None:
        raise NotFound(f"token {token_id} does not exist")
    return Token(*row)


async def select_tokens(connection: AsyncConnection, workspace_id: str, page: Page) -> tuple[list[Token], int]:
    """Up to `page.count` + 1 tokens as `in_page` orders them, and how many there are in all."""
    where = tokens.c.workspace_id == workspace_id
    query = in_page(select(*_COLUMNS).where(where), page, tokens.c.created_at, tokens.c.id)
    rows = await connection.execute(query)
    return [Token(*row) for row in rows], await count_tokens(connection, workspace_id)


async def count_tokens(connection: AsyncConnection, workspace_id: str) -> int:
    query = select(func.count()).select_from(tokens).where(tokens.c.workspace_id == workspace_id)
    return int((await connection.execute(query)).scalar_one())


async def delete_token(connection: AsyncConnection, workspace_id: str, token_id: str) -> None:
    await connection.execute(delete(tokens).where(tokens.c.workspace_id == workspace_id, tokens.c.id == token_id))
