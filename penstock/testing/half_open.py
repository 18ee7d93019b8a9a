"""Clients that begin a request and never end it, many at once: what an attacker does to tie a server up (slowloris)."""

import asyncio
import itertools
from collections import Counter
from functools import partial
from typing import Any, Self

_HEAD = b"POST /v1/%b HTTP/1.1\r\nHost: localhost\r\nAuthorization: Basic a25vd25LRVkwMTIzNDU2Nzg5OmFiY2Q=\r\n"
BEGINNINGS = {
    "silence": (b"", b""),
    "head": (_HEAD % b"track", b"X-More: 1\r\n"),
    "small body": (_HEAD % b"track" + b'Content-Length: 20000\r\n\r\n{"event":"', b"x"),
    "large body": (_HEAD % b"batch" + b'Content-Length: 400000\r\n\r\n{"batch":[', b" "),
    "chunked body": (_HEAD % b"batch" + b"Transfer-Encoding: chunked\r\n\r\n9\r\n" + b'{"batch":\r\n', b"1\r\n \r\n"),
}
"""What is sent at once, and what from time to time, by where the request stops."""


class HalfOpen:
    """`count` of each kind named, open until the server closes them. An asynchronous context."""

    def __init__(self, port: int, count: int, kinds: tuple[str, ...] = tuple(BEGINNINGS)) -> None:
        self._port = port
        self._kinds = kinds * count
        self._connections: list[_Connection] = []
        self._dripping: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        for kind in self._kinds:
            _, connection = await loop.create_connection(partial(_Connection, kind), "127.0.0.1", self._port)
            self._connections.append(connection)
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._dripping is not None:
            self._dripping.cancel()
            await asyncio.gather(self._dripping, return_exceptions=True)
        for connection in self._connections:
            connection.transport.abort()

    def drip(self, seconds: float) -> None:
        """From now on each sends a little more in so many seconds, so that it is never idle."""
        self._dripping = asyncio.create_task(self._drip(seconds / len(self._connections)))

    async def _drip(self, pause: float) -> None:
        for connection in itertools.cycle(self._connections):
            if connection.is_open:
                connection.transport.write(BEGINNINGS[connection.kind][1])
            await asyncio.sleep(pause)

    def open(self) -> Counter[str]:
        """How many of each kind the server has not closed yet."""
        return Counter(connection.kind for connection in self._connections if connection.is_open)

    def answers(self) -> Counter[tuple[str, int]]:
        """How many of each kind were answered with which status."""
        return Counter((one.kind, one.status) for one in self._connections if one.status)


class _Connection(asyncio.Protocol):
    def __init__(self, kind: str) -> None:
        self.kind = kind
        self.is_open = True
        self.status = 0

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        transport.write(BEGINNINGS[self.kind][0])

    def data_received(self, data: bytes) -> None:
        if not self.status and data.startswith(b"HTTP/1.1 "):
            self.status = int(data[9:12])

    def connection_lost(self, _error: Exception | None) -> None:
        self.is_open = False
