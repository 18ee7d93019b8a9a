"""Everything that is not collection is streamed to the control API on loopback, both ways, in bounded pieces.

Errors:
    ClientGone    a request ends before its body does
"""

import asyncio
import contextlib
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
_DROP_LIMIT, _DROP_SECONDS = 8 << 20, 5.0
_DOWN = msgspec.json.encode(
    {"errors": [{"type": "service-unavailable", "message": "The control API does not answer; events are still taken."}]}
)


class ClientGone(Exception):  # noqa: N818 - the name says what is so
    """The client did not send what it had announced."""


class ControlProxy:
    """Speaks to the control API for those who call it. While it is down they get 503, and collection goes on."""

    def __init__(self, upstream: Upstream, peers: Peers) -> None:
        self._upstream = upstream
        self._peers = peers
        self._is_down = False

    async def answer(self, scope: Scope, exchange: Exchange) -> None:
        try:
            connection, head = await self._ask(scope, exchange)
        except ClientGone as error:
            refused = {"errors": [{"type": "bad-request", "message": str(error)}]}
            exchange.response_bytes(400, [("content-type", "application/json")], msgspec.json.encode(refused))
            return
        except UpstreamError as error:
            if not self._is_down:  # once, not for each request until it is back
                logger.warning("The control API does not answer.", path=scope.path, reason=str(error))
            self._is_down = True
            exchange.response_bytes(503, [("content-type", "application/json"), ("retry-after", "1")], _DOWN)
            return
        self._is_down = False
        try:
            await self._give(scope, exchange, connection, head)
        except UpstreamError as error:
            connection.close()
            logger.warning("An answer of the control API was cut off.", path=scope.path, reason=str(error))
            with contextlib.suppress(RuntimeError):  # the answer may have begun; then it is cut off here too
                exchange.response_bytes(503, [("content-type", "application/json"), ("retry-after", "1")], _DOWN)
            return
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
        declared = scope.headers.get("content-length")
        sending = RequestBody(body, None if declared is None else int(declared))
        pump = asyncio.ensure_future(sending.send(connection))
        answered = asyncio.ensure_future(connection.head())
        try:
            await asyncio.wait({pump, answered}, return_when=asyncio.FIRST_COMPLETED)
            if pump.done() and not isinstance(pump.exception(), UpstreamError | None):
                pump.result()  # the client has gone; the connection below is closed, half a request as it is
            head = await answered  # also where sending failed: a refusal may have come before
            if not pump.done() or pump.exception() is not None:
                pump.cancel()
                connection.may_stay = False  # answered before the body was all there
                await sending.drop_rest()
            return head
        finally:
            for task in (pump, answered):
                task.cancel()
            await asyncio.gather(pump, answered, return_exceptions=True)
            sending.close()

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
        return [
            ("x-forwarded-for", self._peers.address_of(scope)),
            ("x-forwarded-proto", protocol),
            ("x-forwarded-host", host),
        ]

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


class RequestBody:
    """What a client sends, one piece ahead of whoever takes it: the taker may change while a piece is awaited."""

    def __init__(self, exchange: Exchange, declared: int | None) -> None:
        self._declared = declared
        self._pieces: asyncio.Queue[bytes | Exception] = asyncio.Queue(1)
        self._reading = asyncio.ensure_future(self._read(exchange))

    async def _read(self, exchange: Exchange) -> None:
        size = 0
        try:
            async for piece in exchange:
                size += len(piece)
                if piece:
                    await self._pieces.put(piece)
        except Exception as error:  # noqa: BLE001 - it belongs to whoever takes the pieces
            await self._pieces.put(error)
        else:
            is_whole = self._declared in {None, size}
            await self._pieces.put(b"" if is_whole else ClientGone("the body is shorter than its Content-Length"))

    async def _next(self) -> bytes:
        """Empty at the end."""
        piece = await self._pieces.get()
        if isinstance(piece, Exception):
            raise piece
        return piece

    async def send(self, connection: UpstreamConnection) -> None:
        is_chunked = self._declared is None
        while piece := await self._next():
            await connection.send(b"%x\r\n%b\r\n" % (len(piece), piece) if is_chunked else piece)
        if is_chunked:
            await connection.send(b"0\r\n\r\n")

    async def drop_rest(self) -> None:
        """Take what still comes, within bounds, so that the client gets to hear the answer."""
        size = 0
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_DROP_SECONDS):
                while size < _DROP_LIMIT and (piece := await self._next()):
                    size += len(piece)

    def close(self) -> None:
        self._reading.cancel()


async def _joined(pieces: AsyncIterator[bytes]) -> bytes:
    return b"".join([piece async for piece in pieces])


def _listed(connection: str | None) -> frozenset[str]:
    """Names that a Connection header declares to be of this hop alone."""
    return frozenset(name.strip().lower() for name in (connection or "").split(",")) if connection else frozenset()
