"""What the API takes and tells of tokens. A token's text is told once, where it is made."""

from typing import Annotated

from pydantic import Field

from penstock.api.schema import Answer, Input, Pagination
from penstock.resources.iam_roles import Permission, PermissionInput


class CreateToken(Input):
    """Either with permissions of its own, or a person's, whose permissions it has."""

    name: Annotated[str, Field(min_length=1, max_length=255)]
    permissions: Annotated[list[PermissionInput], Field(max_length=200)] = Field(default=[])
    user_id: Annotated[str, Field(max_length=255)] = ""
    expires_in_days: Annotated[int, Field(ge=1, le=3_650)] | None = None


class Token(Answer):
    """`isUnbounded` says that it holds everything, as the token of the first run does."""

    id: str
    name: str
    is_unbounded: bool
    permissions: list[Permission]
    user_id: str = ""
    email: str = ""
    created_at: str
    expires_at: str = ""


class TokenAnswer(Answer):
    token: Token
    secret: str


class TokensAnswer(Answer):
    tokens: list[Token]
    pagination: Pagination
