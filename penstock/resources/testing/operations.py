"""The operation of the tag Testing."""

import asyncio
from typing import Any

from penstock.api.errors import (
    ApiError,
    BadRequest,
    Forbidden,
    InputInvalid,
    NotFound,
    Problem,
    RateLimited,
    RoleUnavailable,
    Unauthorized,
)
from penstock.api.operation import Request, operation, schemas
from penstock.api.permissions import Permission
from penstock.api.versions import Contract
from penstock.resources.testing.schemas import Echo, EchoAnswer

_ERRORS: dict[int, type[ApiError]] = {
    error.status: error
    for error in (BadRequest, Unauthorized, Forbidden, NotFound, InputInvalid, RateLimited, RoleUnavailable)
}
_CREDENTIALS = frozenset({"authorization", "cookie", "proxy-authorization"})


class UnexpectedError(Exception):
    """What was asked for by `triggerUnexpectedError`: nobody expects it, so that it ends as all such errors do."""


@operation(
    "echo",
    "GET",
    "/echo",
    permission=Permission.WORKSPACE_READ,
    body=schemas(Echo),
    answer=schemas(EchoAnswer),
    offered=(Contract.V1, Contract.ALPHA),
    is_in_seed=False,
)
async def echo(request: Request[Echo]) -> dict[str, Any]:
    """Say `message` back, with the headers that came, those left out that hold credentials.

    `delay` has the answer wait up to 10,000 ms. `triggerError` and `triggerMultipleErrors` answer one or two errors
    that bear the message, of `statusCode` where that is an error's, else 400; `triggerUnexpectedError` answers 500.
    The first of them counts. A `statusCode` alone is either 200 or an error's.
    """
    asked = request.body
    request.unit.is_repeatable = False
    if asked.delay:
        # Who waits needs no place in the database meanwhile.
        await request.unit.connection.close()
        await asyncio.sleep(asked.delay / 1000)
    if asked.trigger_error or asked.trigger_multiple_errors:
        raise _error(asked, 2 if asked.trigger_multiple_errors and not asked.trigger_error else 1)
    if asked.trigger_unexpected_error:
        raise UnexpectedError(asked.message)
    if asked.status_code >= BadRequest.status:
        raise _error(asked, 1)
    if asked.status_code not in (0, 200):
        raise InputInvalid('"statusCode" must be 200 or between 400 and 599', field="statusCode")
    told = {name: value for name, value in request.headers.items() if name not in _CREDENTIALS}
    return {"method": "get", "message": asked.message, "headers": told}


def _error(asked: Echo, number: int) -> ApiError:
    status = max(asked.status_code, BadRequest.status)
    error = _ERRORS.get(status, BadRequest if status < ApiError.status else ApiError)(asked.message)
    error.status = status
    error.problems = [Problem(error.type, asked.message)] * number
    return error
