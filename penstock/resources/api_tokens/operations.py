"""Operations on API tokens. Whoever makes tokens could give themselves everything: that is for owners."""

from collections.abc import Sequence
from typing import Any

from penstock.api.auth import NewToken, insert_token, new_token
from penstock.api.errors import BadRequest
from penstock.api.operation import Nothing, RateLimit, Request, operation, schemas
from penstock.api.pagination import answer_page
from penstock.api.permissions import EVERYTHING, Permission
from penstock.api.policies import Policy, forget_subjects, select_policies
from penstock.api.schema import DELETED, Deleted, Pagination
from penstock.kit.time import format_iso
from penstock.resources.api_tokens import schemas as wire
from penstock.resources.api_tokens.repository import Token, count_tokens, require_token, select_tokens
from penstock.resources.api_tokens.repository import delete_token as delete_row
from penstock.resources.api_tokens.schemas import CreateToken, TokenAnswer, TokensAnswer
from penstock.resources.iam_roles import add_permissions, permission_views
from penstock.resources.iam_users import require_user

TOKEN_LIMIT = 1_000
"""Tokens of one workspace."""
_PATH = "/penstock/tokens"
_TOKEN = "TOKEN"  # noqa: S105 - a type of resource
_WRITES = RateLimit(60)
_DAY_MS = 24 * 60 * 60 * 1000


@operation("listTokens", "GET", _PATH, permission=Permission.ACCESS_READ, answer=schemas(TokensAnswer), is_paged=True)
async def list_tokens(request: Request[Nothing]) -> dict[str, Any]:
    """The API tokens of the workspace, the oldest first, and what they may do. Their texts are told nowhere."""
    unit = request.unit
    found, total = await select_tokens(unit.connection, unit.workspace_id, request.page)
    shown, page = answer_page(request.page, found, total, lambda each: (each.created_at, each.id))
    held = await select_policies(unit.connection, [each.id for each in shown])
    return {"tokens": [_view(each, held[each.id]) for each in shown], "pagination": Pagination.of(page)}


@operation(
    "createToken",
    "POST",
    _PATH,
    permission=Permission.ACCESS_ADMIN,
    body=schemas(CreateToken),
    answer=schemas(TokenAnswer),
    audit=("Token Created", "Policy Created"),
    limit=_WRITES,
)
async def create_token(request: Request[CreateToken]) -> dict[str, Any]:
    """Make a token with permissions of its own, or with `userId` one more token of a person. `secret` is told once."""
    unit, body = request.unit, request.body
    if bool(body.permissions) == bool(body.user_id):
        raise BadRequest("a token has either permissions of its own, or it is a person's: `permissions` or `userId`")
    if await count_tokens(unit.connection, unit.workspace_id) >= TOKEN_LIMIT:
        raise BadRequest(f"a workspace has at most {TOKEN_LIMIT} tokens")
    person = await require_user(unit.connection, unit.workspace_id, body.user_id) if body.user_id else None
    secret = new_token()
    kept = NewToken(
        unit.workspace_id,
        body.name,
        user_id=person.id if person else None,
        email=person.email if person else None,
        expires_at=unit.now + body.expires_in_days * _DAY_MS if body.expires_in_days else None,
    )
    token_id = await insert_token(unit.connection, secret, kept, unit.now)
    held = await add_permissions(unit, (token_id, body.name), body.permissions)
    await unit.audit("Token Created", _TOKEN, token_id, body.name)
    added = await require_token(unit.connection, unit.workspace_id, token_id)
    return {"token": _view(added, held), "secret": secret}


@operation(
    "deleteToken",
    "DELETE",
    f"{_PATH}/{{tokenId}}",
    permission=Permission.ACCESS_ADMIN,
    answer=schemas(Deleted),
    audit=("Token Deleted",),
    limit=_WRITES,
)
async def delete_token(request: Request[Nothing]) -> dict[str, Any]:
    """Revoke a token, at once. That of the first run too: the next start makes another."""
    unit = request.unit
    token = await require_token(unit.connection, unit.workspace_id, request.path["tokenId"])
    await forget_subjects(unit.connection, [token.id])
    await delete_row(unit.connection, unit.workspace_id, token.id)
    await unit.audit("Token Deleted", _TOKEN, token.id, token.name)
    return DELETED.model_dump()


def _view(token: Token, held: Sequence[Policy]) -> wire.Token:
    person = {"user_id": token.user_id, "email": token.email or ""} if token.user_id else {}
    expiry = {"expires_at": format_iso(token.expires_at)} if token.expires_at is not None else {}
    return wire.Token(
        id=token.id,
        name=token.name,
        is_unbounded=EVERYTHING in token.permissions,
        permissions=permission_views(held),
        created_at=format_iso(token.created_at),
        **person,
        **expiry,
    )
