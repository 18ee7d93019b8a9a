"""Reading a request's body within bounds: of size before and after decompression, and of time.

Invariants: no more than the limit, one piece and a byte is ever held for a request, and `READING_LIMIT` for all that
come in pieces, so that many connections that stop in the middle cannot take all memory. What a client sends beyond its
limit is read and dropped for a while, because an answer to a client that is still sending gets lost.
"""

import asyncio
import zlib
from collections.abc import Coroutine
from time import monotonic
from typing import Any

from penstock.ingest.answers import Refusal, too_large, unavailable
from penstock.ingest.rsgi import Exchange, Headers

SINGLE_LIMIT = 32 * 1024
BATCH_LIMIT = 512_000
READ_SECONDS = 30.0
READING_LIMIT = 256 << 20
_DROP_LIMIT = 8 << 20
_AT_ONCE = 64 * 1024
_GZIP_OVERHEAD = 4 * 1024
"""What gzip may add to data that does not shrink."""
_GZIP_FORMAT = 31


def read_body(exchange: Exchange, headers: Headers, limit: int) -> Coroutine[Any, Any, bytes]:
    """The body, decompressed. Raises Refusal when awaited."""
    encoding = headers.get("content-encoding")
    if encoding is None or encoding == "identity":
        return _read(exchange, headers, limit)
    return _read_compressed(exchange, headers, limit, encoding)


async def _read_compressed(exchange: Exchange, headers: Headers, limit: int, encoding: str) -> bytes:
    if encoding.strip().lower() not in {"gzip", "x-gzip"}:
        raise Refusal(400, "unsupported_encoding", "Content-Encoding must be gzip")
    return decompressed(await _read(exchange, headers, limit + _GZIP_OVERHEAD), limit)


async def _read(exchange: Exchange, headers: Headers, limit: int) -> bytes:
    task = asyncio.current_task()
    _overdue.watch(task)
    try:
        declared = headers.get("content-length")
        if declared is not None and int(declared) <= min(_AT_ONCE, limit):
            return await exchange()
        return await _read_pieces(exchange, limit, None if declared is None else int(declared))
    except asyncio.CancelledError:
        if not _overdue.has_ended(task):
            raise
        raise Refusal(408, "request_timeout", "The body did not come in time") from None
    finally:
        _overdue.forget(task)


class _Overdue:
    """Ends readers that take too long: one timer for all of them, since one for each costs more than the reading."""

    def __init__(self) -> None:
        self._started: dict[asyncio.Task[Any] | None, float] = {}
        self._ended: set[asyncio.Task[Any]] = set()
        self._is_watching = False

    def watch(self, task: asyncio.Task[Any] | None) -> None:
        self._started[task] = monotonic()
        if not self._is_watching:
            self._is_watching = True
            asyncio.get_running_loop().call_later(READ_SECONDS / 6, self._sweep)

    def forget(self, task: asyncio.Task[Any] | None) -> None:
        del self._started[task]

    def has_ended(self, task: asyncio.Task[Any] | None) -> bool:
        """Whether the cancellation is of our making; it is then over."""
        if task not in self._ended or task is None:
            return False
        self._ended.discard(task)
        task.uncancel()
        return True

    def _sweep(self) -> None:
        self._is_watching = bool(self._started)
        if self._is_watching:
            asyncio.get_running_loop().call_later(READ_SECONDS / 6, self._sweep)
        limit = monotonic() - READ_SECONDS
        for task, started in self._started.items():
            if task is not None and started < limit and task not in self._ended:
                self._ended.add(task)
                task.cancel()


_overdue = _Overdue()


class _Held:
    """Bytes of bodies that are not whole yet."""

    def __init__(self) -> None:
        self.bytes = 0


_held = _Held()


async def _read_pieces(exchange: Exchange, limit: int, declared: int | None) -> bytes:
    pieces: list[bytes] = []
    size = held = 0
    try:
        async for piece in exchange:
            size += len(piece)
            if size > limit:
                pieces.clear()
                if size > _DROP_LIMIT:
                    break
                continue
            pieces.append(piece)
            held += len(piece)
            _held.bytes += len(piece)
            if _held.bytes > READING_LIMIT:
                raise unavailable("Too many bodies are being read at the moment", 1)
    finally:
        _held.bytes -= held
    if size > limit:
        raise too_large()
    if declared is not None and size != declared:
        raise Refusal(400, "bad_request", "The body is shorter than its Content-Length")
    return b"".join(pieces)


def decompressed(data: bytes, limit: int) -> bytes:
    """What gzip packed, in one or several members. Raises Refusal beyond `limit`, having made one byte more at most."""
    parts: list[bytes] = []
    room = limit + 1
    while data:
        stream = zlib.decompressobj(_GZIP_FORMAT)
        try:
            part = stream.decompress(data, room)
        except zlib.error:
            raise _bad_gzip() from None
        room -= len(part)
        if room <= 0:
            raise too_large()
        if not stream.eof:
            raise _bad_gzip()
        parts.append(part)
        data = stream.unused_data
    return b"".join(parts)


def _bad_gzip() -> Refusal:
    return Refusal(400, "invalid_gzip", "The body is not valid gzip")
