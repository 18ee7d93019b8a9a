"""`GET /penstock/tail`: the live view as server-sent events, for as long as its client reads.

Events of the stream, each with an `id` that counts from 1:
    watching   {"processes": n}   how many processes of the data plane tell; again when that changes
    line       one step of one event (`spec.tail.TailLine`)
    lost       {"count": n}       so many lines did not get here: more passed than are sent, or than the client reads
    end        {"message": …}     nothing follows: the token is no longer good, or Penstock stops

`source` (id or slug), `event` (name or type), `user` and `outcome` choose the lines; with `logs=true` those who may
read all functions are also told what functions print. A comment every 15 s keeps the way open. `Last-Event-ID` is
ignored: what has passed is not kept.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from typing import Any

import msgspec
import structlog
from sqlalchemy.ext.asyncio import AsyncConnection
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from penstock.api.errors import ApiError, InputInvalid, RateLimited
from penstock.api.router import failure
from penstock.infra.calls import Following, Streams
from penstock.infra.http import SendQueue
from penstock.resources.sources import select_source_ids
from penstock.spec.tail import TailEvents, TailLine, outcome_named

TAILS = 32
TAILS_OF_ONE = 8
"""Of one workspace; those of the local token count as one."""
HEARTBEAT_SECONDS = 15.0
UNREAD_SECONDS = 60.0
"""A client that takes nothing for so long has gone."""
_TURN_SECONDS = 1.0
_PARAMETERS = ("source", "event", "user", "outcome", "logs")
_VALUE_LIMIT = 255
_HEADERS = {"Cache-Control": "no-store, no-transform", "X-Accel-Buffering": "no"}

logger = structlog.get_logger(__name__)
_encode = msgspec.json.Encoder().encode
Check = Callable[[], Awaitable[None]]
Write = Callable[[bytes], Awaitable[None]]


class Tails:
    """How many are open, by workspace."""

    def __init__(self, streams: Streams) -> None:
        self.streams = streams
        self._open: dict[str, int] = {}

    def enter(self, workspace_id: str) -> None:
        """Raises RateLimited."""
        count = self._open.get(workspace_id, 0)
        if count >= TAILS_OF_ONE or sum(self._open.values()) >= TAILS:
            error = RateLimited(f"at most {TAILS_OF_ONE} tails are open at once, and {TAILS} of all workspaces")
            error.headers = {"Retry-After": "15"}
            raise error
        self._open[workspace_id] = count + 1

    def leave(self, workspace_id: str) -> None:
        self._open[workspace_id] -= 1
        if not self._open[workspace_id]:
            del self._open[workspace_id]


async def wanted_of(connection: AsyncConnection, workspace_id: str, query: Mapping[str, str]) -> TailEvents:
    """What the query asks for. Raises InputInvalid."""
    for name, value in query.items():
        if name not in _PARAMETERS or len(value) > _VALUE_LIMIT:
            raise InputInvalid(
                f"a tail knows {', '.join(_PARAMETERS)}, of at most {_VALUE_LIMIT} characters", field=name
            )
    source, outcome = query.get("source", ""), query.get("outcome", "")
    source_ids = await select_source_ids(connection, workspace_id, source) if source else []
    if source and not source_ids:
        raise InputInvalid(f"there is no source {source}", field="source")
    named = outcome_named(outcome) if outcome else ""
    if named is None:
        raise InputInvalid(f"there is no outcome {outcome}", field="outcome")
    logs = query.get("logs", "false")
    if logs not in ("true", "false"):
        raise InputInvalid("logs must be true or false", field="logs")
    chosen = (query.get("event", ""), query.get("user", ""), str(named))
    return TailEvents(workspace_id, source_ids, *chosen, has_logs=logs == "true")


class EventStream(Response):
    """One tail. `check` raises what has become of the right to see it."""

    def __init__(self, tails: Tails, wanted: TailEvents, check: Check) -> None:
        super().__init__(media_type="text/event-stream", headers=_HEADERS)
        del self.headers["content-length"]
        self._tails = tails
        self._wanted = wanted
        self._check = check
        self._number = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            self._tails.enter(self._wanted.workspace_id)
        except RateLimited as error:
            await failure(error)(scope, receive, send)
            return
        try:
            await self._serve(scope, receive, send)
        finally:
            self._tails.leave(self._wanted.workspace_id)

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        if scope["method"] != "HEAD":
            sending = asyncio.ensure_future(self._send_all(send, _peer_of(scope)))
            leaving = asyncio.ensure_future(_disconnected(receive))
            try:
                done, _ = await asyncio.wait({sending, leaving}, return_when=asyncio.FIRST_COMPLETED)
                if sending in done and (error := sending.exception()) is not None:
                    logger.error("A tail broke.", exc_info=error)
            finally:
                sending.cancel()
                leaving.cancel()
                await asyncio.gather(sending, leaving, return_exceptions=True)
        with suppress(OSError):
            await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _send_all(self, send: Send, peer: str) -> None:
        async def write(body: bytes) -> None:
            await queue.room(UNREAD_SECONDS)
            await send({"type": "http.response.body", "body": body, "more_body": True})

        with SendQueue(peer) as queue, suppress(OSError):  # a TimeoutError is one; either way the client has gone
            async with self._tails.streams.follow(self._wanted, TailLine) as following:
                await write(b": penstock tail\n\n")
                await self._follow(following, write)

    async def _follow(self, following: Following[TailLine], write: Write) -> None:
        loop = asyncio.get_running_loop()
        told, beat, checked = -1, loop.time(), loop.time()
        while not following.is_over:
            arrived = await following.take(_TURN_SECONDS)
            pieces = []
            if following.answering != told:
                told = following.answering
                pieces.append(self._event("watching", {"processes": told}))
            if arrived.lost:
                pieces.append(self._event("lost", {"count": arrived.lost}))
            pieces += [self._event("line", line) for line in arrived.items]
            if not pieces and loop.time() - beat >= HEARTBEAT_SECONDS:
                pieces.append(b": still here\n\n")
            if loop.time() - checked >= HEARTBEAT_SECONDS:
                checked = loop.time()
                if (refused := await self._refusal()) is not None:
                    await write(self._event("end", {"message": str(refused)}))
                    return
            if pieces:
                beat = loop.time()
                await write(b"".join(pieces))
        await write(self._event("end", {"message": "Penstock stops"}))

    async def _refusal(self) -> ApiError | None:
        try:
            await self._check()
        except ApiError as error:
            return error
        return None

    def _event(self, name: str, data: Any) -> bytes:
        self._number += 1
        return b"id: %d\nevent: %b\ndata: %b\n\n" % (self._number, name.encode(), _encode(data))


def _peer_of(scope: Scope) -> str:
    host, port = scope.get("client") or ("", 0)
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
