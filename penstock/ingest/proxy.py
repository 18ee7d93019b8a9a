"""Everything that is not collection is streamed to the control API on loopback, both ways, in bounded pieces."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from urllib.parse import quote

import msgspec
import structlog

from penstock.ingest.peers import Peers
from penstock.ingest.rsgi import Exchange, HeaderList, Scope
from penstock.ingest.upstream import PIECE, ResponseHead, Upstream, UpstreamConnection, UpstreamError, UpstreamStale

logger = structlog.get_logger(__name__)

_PATH_SAFE = "/:@!$&'()*+,;=~-._"
_HOP_BY_HOP = frozenset(
    {
        "connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "proxy-connection", "te", "trailer",
        "transfer-encoding", "upgrade",
    }
)  # fmt: skip
_OURS = frozenset({"x-forwarded-for", "x-forwarded-proto", "x-forwarded-host", "expect"})
_DOWN = msgspec.json.encode(
    {"errors": [{"type": "service-unavailable", "message": "The control API does not answer; events are still taken."}]}
)


class ControlProxy:
    """Speaks to the control API for those who call it. While it is down they get 503, and collection goes on."""

    def __init__(self, upstream: Upstream, peers: Peers) -> None:
        self._upstream = upstream
        self._peers = peers
        self._is_down = False

    async def answer(self, scope: Scope, exchange: Exchange) -> None:
        try:
            connection, head = await self._ask(scope, exchange)
        except UpstreamError as error:
            if not self._is_down:  # once, not for each request until it is back
                logger.warning("The control API does not answer.", path=scope.path, reason=str(error))
            self._is_down = True
            exchange.response_bytes(503, [("content-type", "application/json"), ("retry-after", "1")], _DOWN)
            return
        self._is_down = False
        try:
            await self._give(scope, exchange, connection, head)
        except BaseException:
            connection.close()
            raise
        self._upstream.release(connection)

    def close(self) -> None:
        self._upstream.close()

    async def _ask(self, scope: Scope, exchange: Exchange) -> tuple[UpstreamConnection, ResponseHead]:
        headers = scope.headers
        has_body = headers.get("transfer-encoding") is not None or (headers.get("content-length") or "0") != "0"
        connection = await self._upstream.acquire()
        try:
            return connection, await self._send(connection, scope, exchange if has_body else None)
        except UpstreamStale:
            connection.close()
            # What has a body is gone by now, and what is no GET may have been done.
            if has_body or scope.method not in {"GET", "HEAD"}:
                raise
        except BaseException:
            connection.close()
            raise
        connection = await self._upstream.connect()
        try:
            return connection, await self._send(connection, scope, None)
        except BaseException:
            connection.close()
            raise

    async def _send(self, connection: UpstreamConnection, scope: Scope, body: Exchange | None) -> ResponseHead:
        await connection.send(self._request_head(scope))
        if body is None:
            return await connection.head()
        is_chunked = scope.headers.get("content-length") is None
        pump = asyncio.ensure_future(_pump(connection, body, is_chunked))
        answered = asyncio.ensure_future(connection.head())
        try:
            await asyncio.wait({pump, answered}, return_when=asyncio.FIRST_COMPLETED)
            head = await answered  # also where sending failed: a refusal may have come before
            if not pump.done():
                connection.may_stay = False  # answered before the body was all there
            elif pump.exception() is not None:
                connection.may_stay = False
            return head
        finally:
            for task in (pump, answered):
                task.cancel()
            await asyncio.gather(pump, answered, return_exceptions=True)

    def _request_head(self, scope: Scope) -> bytes:
        path = quote(scope.path, safe=_PATH_SAFE)
        target = f"{path}?{scope.query_string}" if scope.query_string else path
        lines = [f"{scope.method} {target} HTTP/1.1"]
        dropped = _HOP_BY_HOP | _OURS | _listed(scope.headers.get("connection"))
        lines += [f"{name}: {value}" for name, value in scope.headers.items() if name not in dropped]
        lines += [f"{name}: {value}" for name, value in self._forwarded(scope)]
        if scope.headers.get("transfer-encoding") is not None and scope.headers.get("content-length") is None:
            lines.append("transfer-encoding: chunked")
        return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1", "replace")

    def _forwarded(self, scope: Scope) -> HeaderList:
        headers = scope.headers
        host = headers.get("host") or ""
        protocol = scope.scheme
        if self._peers.is_trusted(scope.client):
            host = headers.get("x-forwarded-host") or host
            protocol = headers.get("x-forwarded-proto") or protocol
        address = self._peers.address(scope.client, headers.get("x-forwarded-for"))
        return [("x-forwarded-for", address), ("x-forwarded-proto", protocol), ("x-forwarded-host", host)]

    async def _give(self, scope: Scope, exchange: Exchange, connection: UpstreamConnection, head: ResponseHead) -> None:
        dropped = _HOP_BY_HOP | _listed(head.header("connection"))
        headers = [(name, value) for name, value in head.headers if name not in dropped]
        async with aclosing(connection.body(head, scope.method)) as pieces:  # type: ignore[type-var]
            if (length := head.header("content-length")) is not None and int(length) <= PIECE:
                exchange.response_bytes(head.status, headers, await _joined(pieces))
                return
            if scope.method == "HEAD" or head.status in {204, 304}:
                exchange.response_empty(head.status, headers)
                return
            stream = exchange.response_stream(head.status, headers)
            async for piece in pieces:
                await stream.send_bytes(piece)


async def _pump(connection: UpstreamConnection, body: Exchange, is_chunked: bool) -> None:
    async for piece in body:
        if piece:
            await connection.send(b"%x\r\n%b\r\n" % (len(piece), piece) if is_chunked else piece)
    if is_chunked:
        await connection.send(b"0\r\n\r\n")


async def _joined(pieces: AsyncIterator[bytes]) -> bytes:
    return b"".join([piece async for piece in pieces])


def _listed(connection: str | None) -> frozenset[str]:
    """Names that a Connection header declares to be of this hop alone."""
    return frozenset(name.strip().lower() for name in (connection or "").split(",")) if connection else frozenset()
