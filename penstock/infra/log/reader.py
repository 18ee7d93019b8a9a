"""An endless reader: the past by batched direct get, then the tail, from its own position and across reconnects.

Invariants:
- Every message from the start position on (matching the subject) is yielded once, in order; what was purged in between
  is not there.
- The position is what was yielded last; a new tail begins right after it.
- A stream made anew, or shorter than the position, raises LogLost: nothing is read twice as if it were new.
"""

import asyncio
from collections.abc import AsyncGenerator

import structlog

from penstock.infra.log import direct, streams
from penstock.infra.log.errors import LogLost, LogRefused, LogUnavailable
from penstock.infra.log.link import Link
from penstock.infra.log.message import Message
from penstock.infra.log.tail import Tail
from penstock.kit.backoff import backoff

logger = structlog.get_logger(__name__)

BATCH_MESSAGES = 256
BATCH_BYTES = 4 << 20


class Reader:
    """Holds the position of one endless read."""

    def __init__(self, link: Link, stream: str, start: int, subject: str | None) -> None:
        self._link = link
        self._stream = stream
        self._subject = subject
        self._position = max(start, 1) - 1
        self._has_started = False
        self._created = ""

    async def messages(self) -> AsyncGenerator[Message | None, None]:
        """Messages for ever; None whenever everything stored until then has been yielded."""
        waits = backoff(0.05, 1.0)
        while True:
            await self._link.wait_connected()
            generation = self._link.generation
            try:
                await self._check()
                async for message in self._past():
                    self._position = message.sequence
                    yield message
                yield None
                async with Tail(self._link, self._stream, self._position + 1, self._subject) as tail:
                    waits = backoff(0.05, 1.0)
                    async for message in tail:
                        # On a replica that is behind, a consumer may begin before the place that was asked for.
                        if message.sequence > self._position:
                            self._position = message.sequence
                            yield message
            except LogUnavailable as error:
                logger.debug("A reader begins anew.", stream=self._stream, after=self._position, reason=str(error))
            if self._link.is_connected and self._link.generation == generation:
                await asyncio.sleep(next(waits))

    async def _check(self) -> None:
        try:
            found = await streams.state(self._link, self._stream)
        except LogRefused as error:
            if error.code == streams.STREAM_NOT_FOUND and self._has_started:
                raise LogLost(f"stream {self._stream} is gone") from error
            raise
        if self._has_started and found.created != self._created:
            raise LogLost(f"stream {self._stream} was made anew at {found.created}")
        if found.last < self._position:
            raise LogLost(f"stream {self._stream} ends at {found.last}, but {self._position} was read before")
        self._created, self._has_started = found.created, True

    async def _past(self) -> AsyncGenerator[Message, None]:
        following = self._position + 1
        while True:
            batch = await direct.get_batch(
                self._link,
                self._stream,
                following,
                subject=self._subject,
                max_messages=BATCH_MESSAGES,
                max_bytes=BATCH_BYTES,
            )
            if not batch:
                return
            for message in batch:
                yield message
            following = batch[-1].sequence + 1
