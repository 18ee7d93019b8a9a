"""From the declarations to an ASGI application: every operation's request takes the same road.

Wire → token → permission → rate limit → body and page → handler → outbox → one commit → published → answer.
"""

from collections.abc import Awaitable, Callable, Iterable
from typing import Any

import structlog
from starlette.requests import ClientDisconnect
from starlette.requests import Request as HttpRequest
from starlette.responses import Response
from starlette.routing import Route

from penstock.api.auth import Principal, require_principal
from penstock.api.errors import ApiError, BodyTooLarge, InputInvalid, NotFound, Problem, envelope
from penstock.api.limits import RateLimiter
from penstock.api.operation import Operation, Request
from penstock.api.pagination import Page, read_page
from penstock.api.query import parse_query
from penstock.api.schema import read_body, write_answer
from penstock.api.unit import Services, Unit
from penstock.api.versions import JSON, Contract, decide, invalid_status
from penstock.infra.db import Database

logger = structlog.get_logger(__name__)
BODY_LIMIT = 1 << 20
_IDENTIFIER_LIMIT = 255
Published = Callable[[int], Awaitable[None]]


class Api:
    """Runs operations. `published` waits (not for ever) until an outbox row has reached the data plane."""

    def __init__(self, database: Database, services: Services, limiter: RateLimiter, published: Published) -> None:
        self._database = database
        self._services = services
        self._limiter = limiter
        self._published = published

    def routes(self, operations: Iterable[Operation]) -> list[Route]:
        return [
            Route(path, self._endpoint(operation), methods=[operation.method], name=operation.id)
            for operation in operations
            for path in operation.paths
        ]

    def _endpoint(self, operation: Operation) -> Callable[[HttpRequest], Awaitable[Response]]:
        async def endpoint(http: HttpRequest) -> Response:
            wire = decide(http.headers, operation.offered)
            try:
                answer, headers = await self._run(operation, http, wire.contract)
            except Exception as error:  # noqa: BLE001 - `failure` tells what may be told and logs the rest
                return failure(error, wire.contract)
            body = write_answer(answer, operation.answers[wire.contract])
            return Response(body, operation.status(wire.contract), headers, wire.media_type)

        return endpoint

    async def _run(
        self, operation: Operation, http: HttpRequest, contract: Contract
    ) -> tuple[dict[str, Any], dict[str, str]]:
        if not operation.changes:
            return await self._read(operation, http, contract)
        async with self._database.reading() as connection:
            principal = await require_principal(connection, http.headers.get("authorization", ""))
        headers = self._admit(operation, principal)
        parts = await _parts(operation, http, contract)
        async with self._database.writing() as connection:
            unit = Unit(connection, principal, operation.id, self._services)
            answer = await operation.handler(Request(*parts, unit))
            number = await unit.flush()
        if number:
            await self._published(number)
        return answer, headers

    async def _read(
        self, operation: Operation, http: HttpRequest, contract: Contract
    ) -> tuple[dict[str, Any], dict[str, str]]:
        async with self._database.reading() as connection:
            principal = await require_principal(connection, http.headers.get("authorization", ""))
            headers = self._admit(operation, principal)
            parts = await _parts(operation, http, contract)
            unit = Unit(connection, principal, operation.id, self._services)
            return await operation.handler(Request(*parts, unit)), headers

    def _admit(self, operation: Operation, principal: Principal) -> dict[str, str]:
        principal.require(operation.permission)
        return self._limiter.take(principal.token_id, operation)


async def _parts(operation: Operation, http: HttpRequest, contract: Contract) -> tuple[Any, dict[str, str], Page]:
    # A body on GET is ignored: published samples send an empty one.
    raw = await read_limited(http, BODY_LIMIT) if operation.changes and operation.method != "DELETE" else b""
    body = read_body(raw, operation.bodies[contract])
    page = read_page(parse_query(http.scope["query_string"]), contract) if operation.is_paged else Page(1)
    if any(len(value) > _IDENTIFIER_LIMIT for value in http.path_params.values()):
        raise NotFound("an identifier is longer than 255 characters")
    return body, dict(http.path_params), page


async def read_limited(http: HttpRequest, limit: int) -> bytes:
    """The body, as far as `limit`. Raises BodyTooLarge."""
    chunks, size = [], 0
    try:
        async for chunk in http.stream():
            size += len(chunk)
            if size > limit:
                raise BodyTooLarge(f"the body is larger than {limit} bytes")
            chunks.append(chunk)
    except ClientDisconnect as error:
        raise InputInvalid("the body is not complete") from error
    return b"".join(chunks)


def failure(error: Exception, contract: Contract = Contract.SEED) -> Response:
    """The one place where errors become answers; what was not meant to be told is logged and answered as 500."""
    if not isinstance(error, ApiError):
        logger.error("Request failed.", exc_info=error)
        return Response(envelope([Problem("internal", "the request failed inside Penstock")]), 500, media_type=JSON)
    status = invalid_status(contract) if isinstance(error, InputInvalid) else error.status
    return Response(envelope(error.problems), status, error.headers, JSON)
