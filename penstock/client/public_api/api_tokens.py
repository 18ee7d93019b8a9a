"""API Tokens: What programs and people ask with. Our own, beside the contract, which leaves them to a web page.

Written by `make docs`; edits here are lost.
"""

from typing import NotRequired, TypedDict

from penstock.client.asking import Ask, quoted
from penstock.client.public_api.shared import Deleted, Pagination, Permission, PermissionInput


class Token(TypedDict):
    """`isUnbounded` says that it holds everything, as the token of the first run does."""

    id: str
    name: str
    isUnbounded: bool
    permissions: list[Permission]
    userId: NotRequired[str]
    email: NotRequired[str]
    createdAt: str
    expiresAt: NotRequired[str]


class TokensAnswer(TypedDict):
    tokens: list[Token]
    pagination: Pagination


class CreateToken(TypedDict):
    """Either with permissions of its own, or a person's, whose permissions it has."""

    name: str
    permissions: NotRequired[list[PermissionInput]]
    userId: NotRequired[str]
    expiresInDays: NotRequired[int | None]


class TokenAnswer(TypedDict):
    token: Token
    secret: str


class ApiTokensApi:
    """What programs and people ask with. Our own, beside the contract, which leaves them to a web page."""

    def __init__(self, ask: Ask) -> None:
        self._ask = ask

    def list_tokens(self, *, count: int | None = None, cursor: str | None = None) -> TokensAnswer:
        """The API tokens of the workspace, the oldest first, and what they may do. Their texts are told nowhere."""
        answer: TokensAnswer = self._ask(
            "GET", "/penstock/tokens", query={"pagination[count]": count, "pagination[cursor]": cursor}
        )
        return answer

    def create_token(self, body: CreateToken) -> TokenAnswer:
        """Make a token with permissions of its own, or with `userId` one more token of a person. `secret` is told
        once.
        """
        answer: TokenAnswer = self._ask("POST", "/penstock/tokens", body=body)
        return answer

    def delete_token(self, token_id: str) -> Deleted:
        """Revoke a token, at once. That of the first run too: the next start makes another."""
        answer: Deleted = self._ask("DELETE", f"/penstock/tokens/{quoted(token_id)}")
        return answer
