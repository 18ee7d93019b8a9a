"""From the declarations to an ASGI application: every operation's request takes the same road.

Wire → token → permission → rate limit → body and page → reach → question to a role, if any → handler → outbox → one
commit → published → answer.
"""

from collections.abc import Awaitable, Callable, Hashable, Iterable, Mapping
from typing import Any

import structlog
from pydantic import BaseModel
from sqlalchemy.ext.asyncio import AsyncConnection
from starlette.requests import ClientDisconnect
from starlette.requests import Request as HttpRequest
from starlette.responses import Response
from starlette.routing import Route

from penstock.api.auth import Principal, require_principal
from penstock.api.errors import (
    ApiError,
    BodyTooLarge,
    DatabaseUnavailable,
    InputInvalid,
    NotFound,
    Problem,
    RoleUnavailable,
    envelope,
)
from penstock.api.kept_answers import Kept, KeptAnswers
from penstock.api.limits import RateLimiter
from penstock.api.operation import Asks, Operation, Request
from penstock.api.pagination import Page, read_page
from penstock.api.query import parse_query
from penstock.api.schema import RawBody, read_body, read_parameters, write_answer
from penstock.api.scope import named_in, require_reach
from penstock.api.unit import Services, Unit
from penstock.api.versions import JSON, Contract, decide, invalid_status
from penstock.infra.db import DATABASE_DOWN, Database, reason_of

logger = structlog.get_logger(__name__)
_IDENTIFIER_LIMIT = 255
_KEPT_QUERY_LIMIT = 1024
"""Bytes of a query whose answer is kept."""
Published = Callable[[int], Awaitable[None]]
Parts = tuple[Any, dict[str, str], Page, Mapping[str, str], type[BaseModel]]
"""What a `Request` begins with: all that is read of the wire, and the schema of the answer."""


class Api:
    """Runs operations. `published` waits (not for ever) until an outbox row has reached the data plane."""

    def __init__(self, database: Database, services: Services, limiter: RateLimiter, published: Published) -> None:
        self._database = database
        self._services = services
        self._limiter = limiter
        self._published = published
        self._answers = KeptAnswers()

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
                body, headers = await self._run(operation, http, wire.contract)
            except Exception as error:  # noqa: BLE001 - `failure` tells what may be told and logs the rest
                return failure(error, wire.contract)
            return Response(body, operation.status(wire.contract), headers, wire.media_type)

        return endpoint

    async def _run(self, operation: Operation, http: HttpRequest, contract: Contract) -> tuple[bytes, dict[str, str]]:
        if not operation.changes and operation.asks is None:
            return await self._read(operation, http, contract)
        principal = await self._principal(http, self._database.state())
        headers = self._admit(operation, principal)
        parts = await _parts(operation, http, contract)
        reply = await self._ask(operation.asks, operation, principal, parts) if operation.asks else None
        async with self._database.writing() if operation.changes else self._database.reading() as connection:
            request = await self._request(connection, operation, principal, parts, reply)
            answer = await operation.handler(request)
            number = await request.unit.flush()
        self._services.post(request.unit.letters)
        if number:
            await self._published(number)
        return write_answer(answer, operation.answers[contract]), headers | request.unit.headers

    async def _read(self, operation: Operation, http: HttpRequest, contract: Contract) -> tuple[bytes, dict[str, str]]:
        question, state = _question(operation, http, contract), self._database.state()
        if kept := self._answers.find(question, state, self._services.clock.now_ms()):
            return kept.body, self._admit(operation, kept.principal)
        async with self._database.reading() as connection:
            principal = await self._principal(http, state, connection)
            headers = self._admit(operation, principal)
            parts = await _parts(operation, http, contract)
            request = await self._request(connection, operation, principal, parts)
            body = write_answer(await operation.handler(request), operation.answers[contract])
        if request.unit.is_repeatable and len(http.scope["query_string"]) <= _KEPT_QUERY_LIMIT:
            self._answers.keep(question, state, Kept(body, principal))
        return body, headers

    async def _principal(
        self, http: HttpRequest, state: object, connection: AsyncConnection | None = None
    ) -> Principal:
        """Whose token it is, looked up anew only where something was committed since. Raises Unauthorized."""
        token, now = http.headers.get("authorization", ""), self._services.clock.now_ms()
        if kept := self._answers.find(token, state, now):
            return kept.principal
        if connection is None:
            async with self._database.reading() as opened:
                principal = await require_principal(opened, token, now)
        else:
            principal = await require_principal(connection, token, now)
        self._answers.keep(token, state, Kept(b"", principal))
        return principal

    async def _request(
        self, connection: AsyncConnection, operation: Operation, principal: Principal, parts: Parts, reply: Any = None
    ) -> Request[Any]:
        """Raises Forbidden where the permissions do not reach what the request names."""
        body, path, *_ = parts
        for need in operation.needs:
            if not need.is_anywhere and not principal.reach(need.permission).is_whole:
                named = list(named_in(need, path, body))
                await require_reach(connection, principal, need.permission, named, self._services.scopes)
        return Request(*parts, Unit(connection, principal, operation.id, self._services), reply)

    async def _ask(self, asks: Asks, operation: Operation, principal: Principal, parts: Parts) -> Any:
        async with self._database.reading() as connection:
            question = await asks(await self._request(connection, operation, principal, parts))
        if question is None:
            return None
        try:
            return await self._services.ask(question.call, question.reply, question.seconds)
        except RoleUnavailable:
            if question.is_needed:
                raise
            return None

    def _admit(self, operation: Operation, principal: Principal) -> dict[str, str]:
        """Before anything is read. Raises Forbidden where a permission is not held on anything, RateLimited."""
        for need in operation.needs:
            principal.require(need.permission)
        return self._limiter.take(principal.token_id, operation)


def _question(operation: Operation, http: HttpRequest, contract: Contract) -> Hashable:
    """All of a request that its answer depends on."""
    named = tuple(http.path_params.values())
    return operation.id, contract, http.headers.get("authorization", ""), named, http.scope["query_string"]


async def _parts(operation: Operation, http: HttpRequest, contract: Contract) -> Parts:
    parameters = parse_query(http.scope["query_string"])
    # A body on GET is ignored: published samples send an empty one.
    schema = operation.bodies[contract]
    if operation.method in ("GET", "DELETE"):
        body = read_parameters(parameters, schema)
    elif issubclass(schema, RawBody):
        body = schema(url=str(http.url), content=await read_limited(http, operation.body_limit))
    else:
        body = read_body(await read_limited(http, operation.body_limit), schema)
    page = read_page(parameters, contract) if operation.is_paged else Page(1)
    if any(len(value) > _IDENTIFIER_LIMIT for value in http.path_params.values()):
        raise NotFound("an identifier is longer than 255 characters")
    return body, dict(http.path_params), page, http.headers, operation.answers[contract]


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
    if isinstance(error, DATABASE_DOWN):
        logger.warning("The database does not answer.", reason=reason_of(error))
        error = DatabaseUnavailable("the database does not answer")
    if not isinstance(error, ApiError):
        logger.error("Request failed.", exc_info=error)
        return Response(envelope([Problem("internal", "the request failed inside Penstock")]), 500, media_type=JSON)
    status = invalid_status(contract) if isinstance(error, InputInvalid) else error.status
    return Response(envelope(error.problems), status, error.headers, JSON)
