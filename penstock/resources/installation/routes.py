"""Routes under `/penstock/`: status, sync, queries, outcomes, metrics, the live view, and the keys of the first run.

The local token of `run.json` opens all of them; an API token those that its permissions reach, the keys of the first
run never.
"""

import asyncio
import hmac
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Annotated, TypeVar

import msgspec
from msgspec import Meta
from sqlalchemy.ext.asyncio import AsyncConnection
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from penstock.api.auth import Principal, bearer_token, require_principal
from penstock.api.errors import BadRequest, Forbidden, InputInvalid, NotFound, RoleUnavailable
from penstock.api.permissions import Permission
from penstock.api.query import parse_query
from penstock.api.reach import lacking
from penstock.api.router import failure, read_limited
from penstock.api.scope import require_reach
from penstock.api.versions import JSON
from penstock.infra.calls import CallClient, CallError, CallFailed, Streams
from penstock.infra.db import Database
from penstock.infra.secrets import SealError
from penstock.kit.clock import Clock, SystemClock
from penstock.resources.delivery_overview import DIMENSIONS, select_totals, select_watermarks
from penstock.resources.installation.disk import disk_usage
from penstock.resources.installation.status import Status, ask_all, metrics_text
from penstock.resources.installation.tail import EventStream, Tails, wanted_of
from penstock.resources.rotation import Rotated
from penstock.resources.sources import SCOPES
from penstock.spec.calls import QueryResult, QueryWarehouse, StatusReport, SyncReport, SyncWarehouses
from penstock.spec.tail import TailEvents

_BODY_LIMIT = 256 * 1024
_SYNC_SECONDS = 280.0
T = TypeVar("T", bound=msgspec.Struct)
Answer = Callable[[Request, Principal | None], Awaitable[Response]]
"""Who asks is None where it is the local token, which sees all workspaces."""
Rotate = Callable[[], Awaitable[Rotated]]
_SEEING_EVENTS = (Permission.SOURCE_READ, Permission.EVENT_READ)
"""What is in events is for those who may see it beside the source."""


class FirstRunKeys(msgspec.Struct, frozen=True, rename="camel"):
    """What `penstock up` prints."""

    token: str
    write_key: str


class SyncBody(msgspec.Struct, frozen=True, rename="camel", forbid_unknown_fields=True):
    warehouse_id: str = ""


class QueryBody(msgspec.Struct, frozen=True, rename="camel", forbid_unknown_fields=True):
    statement: str
    row_limit: Annotated[int, Meta(ge=1, le=1_000_000)] = 10_000
    seconds_limit: Annotated[float, Meta(gt=0, le=600)] = 30.0


class Installation:
    """The routes, and what they need."""

    def __init__(
        self,
        database: Database,
        calls: CallClient,
        data: Path,
        local_token: str,
        own_status: Callable[[], StatusReport],
        first_run: FirstRunKeys,
        streams: Streams,
        shards: int = 1,
        clock: Clock | None = None,
        rotate: Rotate | None = None,
    ) -> None:
        self._rotate_key = rotate
        self._clock = clock or SystemClock()
        self._database = database
        self._calls = calls
        self._data = data
        self._local_token = local_token
        self._own_status = own_status
        self._first_run = first_run
        self._tails = Tails(streams)
        self._shards = shards

    def routes(self) -> list[Route]:
        read, admin = Permission.DELIVERY_READ, Permission.INSTALLATION_ADMIN
        return [
            self._route("/penstock/status", "GET", admin, self._status),
            self._route("/penstock/metrics", "GET", admin, self._metrics),
            self._route("/penstock/sync", "POST", admin, self._sync),
            self._route("/penstock/sql", "POST", admin, self._sql),
            self._route("/penstock/secrets/rotate", "POST", admin, self._rotate),
            self._route("/penstock/outcomes", "GET", read, self._outcomes),
            self._route("/penstock/tail", "GET", Permission.EVENT_READ, self._tail),
            self._route("/penstock/first-run", "GET", None, self._keys),
        ]

    def _route(self, path: str, method: str, permission: Permission | None, answer: Answer) -> Route:
        async def endpoint(http: Request) -> Response:
            try:
                return await answer(http, await self._asker(http, permission))
            except CallFailed as error:
                return failure(BadRequest(error.message))
            except CallError as error:
                return failure(RoleUnavailable(str(error), data={"role": error.role}))
            except Exception as error:  # noqa: BLE001 - `failure` tells what may be told and logs the rest
                return failure(error)

        return Route(path, endpoint, methods=[method])

    async def _asker(self, http: Request, permission: Permission | None) -> Principal | None:
        """Raises Unauthorized, Forbidden."""
        authorization = http.headers.get("authorization", "")
        token = bearer_token(authorization)
        if self._local_token and hmac.compare_digest(token.encode(), self._local_token.encode()):
            return None
        async with self._database.reading() as connection:
            principal = await require_principal(connection, authorization, self._clock.now_ms())
        if permission is None:
            raise Forbidden("only the local token opens this")
        principal.require(permission)
        return principal

    async def _ask_status(self) -> Status:
        disk = await asyncio.to_thread(disk_usage, self._data)
        return await ask_all(self._calls, self._own_status(), disk, self._shards)

    async def _status(self, _: Request, __: Principal | None) -> Response:
        return _json(await self._ask_status())

    async def _metrics(self, _: Request, __: Principal | None) -> Response:
        return PlainTextResponse(metrics_text(await self._ask_status()))

    async def _keys(self, _: Request, __: Principal | None) -> Response:
        return _json(self._first_run)

    async def _sync(self, http: Request, _: Principal | None) -> Response:
        body = await _read(http, SyncBody)
        call = SyncWarehouses(body.warehouse_id)
        return _json(await self._calls.ask(call, SyncReport, deadline_seconds=_SYNC_SECONDS))

    async def _sql(self, http: Request, _: Principal | None) -> Response:
        body = await _read(http, QueryBody)
        call = QueryWarehouse(body.statement, body.row_limit, body.seconds_limit)
        return _json(await self._calls.ask(call, QueryResult, deadline_seconds=body.seconds_limit + 5))

    async def _rotate(self, _: Request, __: Principal | None) -> Response:
        if self._rotate_key is None:
            raise NotFound("there is no key here")
        try:
            return _json(await self._rotate_key())
        except SealError as error:
            raise BadRequest(str(error)) from error

    async def _outcomes(self, http: Request, asker: Principal | None) -> Response:
        """Counts by the dimensions in `by` (all where absent), filtered by those that are given, and the watermarks."""
        asked = parse_query(http.scope["query_string"])
        by = [name for name in str(asked.pop("by", "") or ",".join(DIMENSIONS)).split(",") if name]
        for name in (*by, *asked):
            if name not in DIMENSIONS:
                raise InputInvalid(f"{name} is no dimension of outcomes", field=name)
        filters = {name: str(value) for name, value in asked.items()}
        async with self._database.reading() as connection:
            await require_sources(connection, asker, (Permission.DELIVERY_READ,), _listed(filters.get("source_id")))
            totals = await select_totals(connection, asker.workspace_id if asker else "", by, filters)
            watermarks = await select_watermarks(connection)
        return _json({"outcomes": totals, "watermarks": watermarks})

    async def _tail(self, http: Request, asker: Principal | None) -> Response:
        """Events as they pass, one server-sent event for each step; see `tail`."""
        async with self._database.reading() as connection:
            wanted = await wanted_of(connection, asker.workspace_id if asker else "", http.query_params)
            await require_sources(connection, asker, _SEEING_EVENTS, wanted.source_ids)
            require_functions(asker, wanted)

        async def check() -> None:
            found = await self._asker(http, Permission.EVENT_READ)
            async with self._database.reading() as connection:
                await require_sources(connection, found, _SEEING_EVENTS, wanted.source_ids)
                require_functions(found, wanted)

        return EventStream(self._tails, wanted, check)


def require_functions(asker: Principal | None, wanted: TailEvents) -> None:
    """What functions print is told of all or of none. Raises Forbidden."""
    if wanted.has_logs and asker is not None and not asker.reach(Permission.FUNCTION_READ).is_whole:
        raise lacking(Permission.FUNCTION_READ)


async def require_sources(
    connection: AsyncConnection,
    asker: Principal | None,
    permissions: Sequence[Permission],
    source_ids: Sequence[str],
) -> None:
    """What is told of these sources, of all where none is named, is told to the asker. Raises Forbidden."""
    if asker is None:
        return
    named = [("source", source_id) for source_id in source_ids]
    for permission in permissions:
        await require_reach(connection, asker, permission, named, SCOPES)


def _listed(value: str | None) -> list[str]:
    return [value] if value else []


def _json(value: object) -> Response:
    return Response(msgspec.json.encode(value), media_type=JSON)


async def _read(http: Request, schema: type[T]) -> T:
    """Raises InputInvalid."""
    raw = await read_limited(http, _BODY_LIMIT)
    try:
        return msgspec.json.decode(raw or b"{}", type=schema)
    except msgspec.DecodeError as error:
        raise InputInvalid(str(error)) from error
