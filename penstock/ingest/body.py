"""Reading a request's body within bounds: of size before and after decompression, and of time.

Invariants: no more than the limit, one piece and a byte is ever held for a request, and `READING_LIMIT` for all that
come in pieces, so that many connections that stop in the middle cannot take all memory. What a client sends beyond its
limit is read and dropped for a while, because an answer to a client that is still sending gets lost.
"""

import asyncio
import zlib
from collections.abc import Coroutine
from time import monotonic
from typing import Any, Protocol, cast

from penstock.ingest.answers import Refusal, late, too_large, unavailable
from penstock.ingest.rsgi import Exchange, Headers

SINGLE_LIMIT = 32 * 1024
BATCH_LIMIT = 512_000
READING_LIMIT = 256 << 20
_DROP_LIMIT = 8 << 20
_AT_ONCE = 64 * 1024
_LONGEST_LENGTH = 6
"""Digits of a Content-Length that may be one of a small body; the server lets nothing but digits pass."""
_GZIP_OVERHEAD = 4 * 1024
"""What gzip may add to data that does not shrink."""
_GZIP_FORMAT = 31


def plain_limit(limit: int) -> int:
    """The largest body that may be held at once, where so much is allowed in all."""
    return min(_AT_ONCE, limit)


def is_plain(headers: Headers, limit: int) -> bool:
    """Whether the body is of a known size, up to `plain_limit`, and to be taken as it is."""
    declared = headers.get("content-length")
    return (
        declared is not None
        and len(declared) <= _LONGEST_LENGTH
        and int(declared) <= limit
        and headers.get("content-encoding") is None
    )


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
    task = cast("asyncio.Task[Any]", asyncio.current_task())
    overdue.watch(task)
    try:
        declared = headers.get("content-length")
        if declared is not None and int(declared) <= plain_limit(limit):
            return await exchange()
        return await _read_pieces(exchange, limit, None if declared is None else int(declared))
    except asyncio.CancelledError:
        if not overdue.has_ended(task):
            raise
        task.uncancel()
        raise late() from None
    finally:
        overdue.forget(task)


class _Cancellable(Protocol):
    def cancel(self) -> bool: ...


class Overdue:
    """Ends readings that take too long: one timer for all of them, since one for each costs more than the reading.

    Nor is it looked at the clock for each. A reading is first seen by the look after its begin, and ended by the first
    look that comes `seconds` after that. `watch` may be called on the server's thread; all else on the loop's.
    """

    def __init__(self) -> None:
        self._reading: set[_Cancellable] = set()
        self._seen: dict[_Cancellable, float] = {}
        self._ended: set[_Cancellable] = set()
        self.watch = self._reading.add
        self.forget = self._reading.discard

    @property
    def is_reading(self) -> bool:
        """Whether some body is not whole yet."""
        return bool(self._reading)

    def has_ended(self, reading: _Cancellable) -> bool:
        """Whether its cancellation is of our making."""
        return reading in self._ended

    async def run(self, seconds: float) -> None:
        """End what takes longer than `seconds`, for ever."""
        while True:
            await asyncio.sleep(min(2.5, seconds / 4))
            now = monotonic()
            self._seen = {reading: self._seen.get(reading, now) for reading in list(self._reading)}
            self._ended.intersection_update(self._seen)
            for reading, seen in self._seen.items():
                if now - seen >= seconds and reading not in self._ended:
                    self._ended.add(reading)
                    reading.cancel()


overdue = Overdue()


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
