"""A small HTTP/1.1 client for one server on loopback: connections that are kept, answers that are streamed.

Errors:
    UpstreamError      no answer, or none that is HTTP
    └─ UpstreamStale   a kept connection had ended before anything of an answer came: another one may do better
"""

import asyncio
from collections.abc import AsyncIterator

import msgspec

from penstock.ingest.rsgi import HeaderList

HEAD_LIMIT = 64 * 1024
PIECE = 64 * 1024
IDLE_LIMIT = 16
IDLE_SECONDS = 5.0
"""Shorter than any server keeps an idle connection, so that a kept one is hardly ever found dead."""
CONNECT_SECONDS = 5.0
ANSWER_SECONDS = 330.0
"""Longer than the longest call that the control API makes (a warehouse sync)."""


class UpstreamError(Exception):
    """There is no answer."""


class UpstreamStale(UpstreamError):  # noqa: N818 - the name says what is so
    """The kept connection was no longer one."""


class ResponseHead(msgspec.Struct, frozen=True):
    """Status line and headers; names in lower case."""

    status: int
    headers: HeaderList

    def header(self, name: str) -> str | None:
        return next((value for key, value in self.headers if key == name), None)


class Upstream:
    """Connections to one address. `acquire`, use, then `release` or `discard`."""

    def __init__(self, host: str, port: int) -> None:
        self.host = host
        self.port = port
        self._idle: list[UpstreamConnection] = []

    async def acquire(self) -> "UpstreamConnection":
        """A kept connection, else a new one. Raises UpstreamError."""
        now = asyncio.get_running_loop().time()
        while self._idle:
            connection = self._idle.pop()
            if connection.is_alive and now - connection.idle_since < IDLE_SECONDS:
                return connection
            connection.close()
        return await self.connect()

    async def connect(self) -> "UpstreamConnection":
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                reader, writer = await asyncio.open_connection(self.host, self.port, limit=HEAD_LIMIT)
        except OSError as error:  # TimeoutError is one
            raise UpstreamError(f"nobody answers on port {self.port}") from error
        return UpstreamConnection(reader, writer)

    def release(self, connection: "UpstreamConnection") -> None:
        """Keep it for the next one, where it may be used again."""
        connection.idle_since = asyncio.get_running_loop().time()
        connection.is_used = True
        if connection.may_stay and connection.is_alive and len(self._idle) < IDLE_LIMIT:
            self._idle.append(connection)
        else:
            connection.close()

    def close(self) -> None:
        while self._idle:
            self._idle.pop().close()


class UpstreamConnection:
    """One connection: write a request, read its answer, in that order. `may_stay` is known after the answer's head."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self.idle_since = 0.0
        self.is_used = False
        self.may_stay = False

    @property
    def is_alive(self) -> bool:
        return not self._reader.at_eof() and not self._writer.is_closing()

    def close(self) -> None:
        self._writer.close()

    async def send(self, data: bytes) -> None:
        """Raises UpstreamError. Waits where the other side does not take it: nothing piles up here."""
        try:
            self._writer.write(data)
            await self._writer.drain()
        except OSError as error:
            raise UpstreamError("the connection was lost") from error

    async def head(self) -> ResponseHead:
        """The head of the final answer. Raises UpstreamError."""
        while True:
            head = parse_head(await self._read_head())
            if head.status >= 200:
                connection = (head.header("connection") or "").lower()
                self.may_stay = "close" not in connection
                return head

    async def _read_head(self) -> bytes:
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                return await self._reader.readuntil(b"\r\n\r\n")
        except asyncio.IncompleteReadError as error:
            raise (UpstreamStale if self.is_used and not error.partial else UpstreamError)("no answer") from error
        except (OSError, asyncio.LimitOverrunError) as error:
            raise UpstreamError(f"no answer: {error!r}") from error

    async def body(self, head: ResponseHead, method: str) -> AsyncIterator[bytes]:
        """The body in bounded pieces. Raises UpstreamError where it ends too early."""
        if method == "HEAD" or head.status in {204, 304}:
            return
        try:
            if "chunked" in (head.header("transfer-encoding") or "").lower():
                async for piece in self._chunks():
                    yield piece
            elif (length := head.header("content-length")) is not None:
                async for piece in self._exactly(int(length)):
                    yield piece
            else:
                self.may_stay = False
                while piece := await self._reader.read(PIECE):
                    yield piece
        except (OSError, ValueError, asyncio.IncompleteReadError, asyncio.LimitOverrunError) as error:
            raise UpstreamError(f"the answer ended too early: {error!r}") from error

    async def _exactly(self, length: int) -> AsyncIterator[bytes]:
        while length > 0:
            async with asyncio.timeout(ANSWER_SECONDS):
                piece = await self._reader.read(min(length, PIECE))
            if not piece:
                raise asyncio.IncompleteReadError(b"", length)
            length -= len(piece)
            yield piece

    async def _chunks(self) -> AsyncIterator[bytes]:
        while True:
            async with asyncio.timeout(ANSWER_SECONDS):
                line = await self._reader.readuntil(b"\r\n")
            size = int(line.partition(b";")[0], 16)
            async for piece in self._exactly(size):
                yield piece
            if size == 0:
                while await self._reader.readuntil(b"\r\n") != b"\r\n":
                    pass  # trailers
                return
            await self._reader.readexactly(2)


def parse_head(data: bytes) -> ResponseHead:
    """Raises UpstreamError."""
    lines = data.decode("latin-1").split("\r\n")
    try:
        _, status, *_ = lines[0].split(" ", 2)
        headers = [
            (name.strip().lower(), value.strip())
            for name, _, value in (line.partition(":") for line in lines[1:] if line)
        ]
        return ResponseHead(int(status), headers)
    except ValueError as error:
        raise UpstreamError(f"not HTTP: {lines[0][:100]!r}") from error
