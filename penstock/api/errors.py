"""How a request fails, and the one envelope in which every failure is answered.

Errors:
    ApiError
    ├── InputInvalid        the request does not fit its schema; every problem is told (400 by the seed, 422 officially)
    ├── BadRequest          400: the request is well-formed but against a rule
    ├── Unauthorized        401: no token, or one that is not known
    ├── Forbidden           403: the token's permissions do not reach
    ├── NotFound            404
    ├── MethodNotAllowed    405
    ├── BodyTooLarge        413
    ├── RateLimited         429: told when to come again
    ├── DatabaseUnavailable 503
    └── RoleUnavailable     503: the role that would answer is down
"""

from typing import Any, Self

import msgspec


class Problem(msgspec.Struct, frozen=True, omit_defaults=True):
    """One entry of the envelope."""

    type: str
    message: str = ""
    field: str = ""
    data: dict[str, Any] | None = None
    status: int = 0


class ApiError(Exception):
    """Ends a request. `status` is the code of the answer."""

    status = 500
    type = "internal"

    def __init__(self, message: str, *, field: str = "", data: dict[str, Any] | None = None) -> None:
        super().__init__(message)
        self.problems = [Problem(self.type, message, field, data)]
        self.headers: dict[str, str] = {}

    @classmethod
    def of(cls, problems: list[tuple[str, str]]) -> Self:
        """From (field, message) pairs, of which there is at least one."""
        error = cls(problems[0][1], field=problems[0][0])
        error.problems = [Problem(cls.type, message, field) for field, message in problems]
        return error

    def within(self, place: str) -> Self:
        """The same of something that stands at `place` of the request: fields, and messages that open with one."""
        return self.of(
            [
                (f"{place}.{each.field}", each.message.replace(f'"{each.field}"', f'"{place}.{each.field}"', 1))
                for each in self.problems
            ]
        )


class InputInvalid(ApiError):  # noqa: N818 - the consequence is in the name
    status = 422
    type = "input-validation"


class BadRequest(ApiError):  # noqa: N818
    status = 400
    type = "bad-request"


class Unauthorized(ApiError):  # noqa: N818
    status = 401
    type = "unauthorized"

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.headers = {"WWW-Authenticate": "Bearer"}


class Forbidden(ApiError):  # noqa: N818
    status = 403
    type = "forbidden"


class NotFound(ApiError):  # noqa: N818
    status = 404
    type = "not-found"


class MethodNotAllowed(ApiError):  # noqa: N818
    status = 405
    type = "method-not-allowed"

    def __init__(self, message: str, allowed: str) -> None:
        super().__init__(message)
        self.headers = {"Allow": allowed}


class BodyTooLarge(ApiError):  # noqa: N818
    status = 413
    type = "body-too-large"


class RateLimited(ApiError):  # noqa: N818
    status = 429
    type = "RequestError"


class DatabaseUnavailable(ApiError):  # noqa: N818
    status = 503
    type = "unavailable"


class RoleUnavailable(ApiError):  # noqa: N818
    status = 503
    type = "unavailable"


def envelope(problems: list[Problem]) -> bytes:
    return msgspec.json.encode({"errors": problems})
