"""Everything that is not collection is streamed to the control API on loopback, both ways, in bounded pieces.

Errors:
    ClientGone    a request ends before its body does, or its client leaves while it is answered
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Coroutine
from contextlib import aclosing
from functools import partial
from urllib.parse import quote

import msgspec
import structlog

from penstock.infra.http import SendQueue
from penstock.ingest.answers import with_close
from penstock.ingest.peers import Peers
from penstock.ingest.rsgi import Exchange, HeaderList, Leaving, Scope, Stream
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
_UNREAD_SECONDS = 120.0
"""A client that takes nothing for so long has gone."""
_UNAVAILABLE: HeaderList = [("content-type", "application/json"), ("retry-after", "1")]
_DOWN = msgspec.json.encode(
    {"errors": [{"type": "service-unavailable", "message": "The control API does not answer; events are still taken."}]}
)


class ClientGone(Exception):  # noqa: N818 - the name says what is so
    """Nobody is there any more to answer."""


class ControlProxy:
    """Speaks to the control API for those who call it. While it is down they get 503, and collection goes on."""

    def __init__(self, upstream: Upstream, peers: Peers) -> None:
        self._upstream = upstream
        self._peers = peers
        self._is_down = False
        self._endless: set[asyncio.Future[None]] = set()
        """Answers without a length: each with what ends it."""

    def end_streams(self) -> None:
        """Let nobody wait for answers that may have no end."""
        for gone in self._endless:
            _note(gone)

    async def answer(self, scope: Scope, exchange: Exchange) -> None:
        try:
            connection, head = await self._ask(scope, exchange)
        except ClientGone as error:
            refused = {"errors": [{"type": "bad-request", "message": str(error)}]}
            exchange.response_bytes(
                400, with_close([("content-type", "application/json")]), msgspec.json.encode(refused)
            )
            return
        except UpstreamError as error:
            if not self._is_down:  # once, not for each request until it is back
                logger.warning("The control API does not answer.", path=scope.path, reason=str(error))
            self._is_down = True
            exchange.response_bytes(503, with_close(_UNAVAILABLE), _DOWN)
            return
        self._is_down = False
        try:
            await self._give(scope, exchange, connection, head)
        except ClientGone:
            connection.close()  # an answer without an end, such as a tail, ends where it is made
            return
        except UpstreamError as error:
            connection.close()
            logger.warning("An answer of the control API was cut off.", path=scope.path, reason=str(error))
            with contextlib.suppress(RuntimeError):  # the answer may have begun; then it is cut off here too
                exchange.response_bytes(503, with_close(_UNAVAILABLE), _DOWN)
            return
        except BaseException:
            connection.close()
            raise
        self._upstream.release(connection)

    def close(self) -> None:
        self._upstream.close()

    async def _ask(self, scope: Scope, exchange: Exchange) -> tuple[UpstreamConnection, ResponseHead]:
        has_body = _has_unknown_length(scope) or (scope.headers.get("content-length") or "0") != "0"
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
        if scope.headers.get("host") is None and scope.authority:
            lines.append(f"host: {scope.authority}")
        if _has_unknown_length(scope):
            lines.append("transfer-encoding: chunked")
        return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1", "replace")

    def _forwarded(self, scope: Scope) -> HeaderList:
        headers = scope.headers
        host = headers.get("host") or scope.authority or ""
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
        headers = with_close([(name, value) for name, value in head.headers if name not in dropped])
        async with aclosing(connection.body(head, scope.method)) as pieces:  # type: ignore[type-var]
            if (length := head.header("content-length")) is not None and int(length) <= PIECE:
                exchange.response_bytes(head.status, headers, await _joined(pieces))
                return
            if scope.method == "HEAD" or head.status in {204, 304}:
                exchange.response_empty(head.status, headers)
                return
            gone: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            if length is None:
                self._endless.add(gone)
            try:
                with SendQueue(scope.client) as queue:
                    sending = _send_all(pieces, exchange.response_stream(head.status, headers), queue)
                    await _unless_gone(sending, exchange, gone)
            finally:
                self._endless.discard(gone)


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


async def _unless_gone(sending: Coroutine[None, None, None], exchange: Exchange, gone: "asyncio.Future[None]") -> None:
    """Send for as long as the client is there. Raises ClientGone, UpstreamError."""
    leaving = exchange.client_disconnect()
    leaving.add_done_callback(partial(_note, gone))
    passing = asyncio.ensure_future(sending)
    try:
        await asyncio.wait({passing, gone}, return_when=asyncio.FIRST_COMPLETED)
        if not passing.done():
            raise ClientGone("the client left while it was answered")
        passing.result()
    finally:
        leaving.cancel()
        passing.cancel()
        await asyncio.gather(passing, return_exceptions=True)
        # The answer ends when its stream is let go. An error of the task would hold it in a circle, by its traceback.
        del passing


def _note(gone: "asyncio.Future[None]", _: Leaving | None = None) -> None:
    if not gone.done():
        gone.set_result(None)


async def _send_all(pieces: AsyncIterator[bytes], stream: Stream, queue: SendQueue) -> None:
    async for piece in pieces:
        try:
            await queue.room(_UNREAD_SECONDS)
        except TimeoutError as error:
            raise ClientGone("the client does not read what it is answered") from error
        await stream.send_bytes(piece)


async def _joined(pieces: AsyncIterator[bytes]) -> bytes:
    return b"".join([piece async for piece in pieces])


def _has_unknown_length(scope: Scope) -> bool:
    """Whether a body may come of which nobody has said how long it is; in HTTP/2 nothing else announces one."""
    if scope.headers.get("content-length") is not None:
        return False
    if scope.http_version == "2":
        return scope.method not in {"GET", "HEAD", "OPTIONS"}
    return scope.headers.get("transfer-encoding") is not None


def _listed(connection: str | None) -> frozenset[str]:
    """Names that a Connection header declares to be of this hop alone."""
    return frozenset(name.strip().lower() for name in (connection or "").split(",")) if connection else frozenset()
