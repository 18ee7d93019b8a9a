"""The asking side of a stream: a question renewed for as long as somebody reads, and what all answerers send to it.

Invariants:
- What is not read in time is lost, the oldest first, and counted: an answerer is never waited for nor held up.
- An answerer that starts again hears the next renewal, so a stream goes on across restarts of it and of the log.
"""

import asyncio
import contextlib
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Generic, TypeVar

import msgspec
import structlog

from penstock.infra.calls import wire
from penstock.infra.log import CoreMessage, Log, LogError
from penstock.kit.ids import resource_id
from penstock.spec.calls import Stream

logger = structlog.get_logger(__name__)

I = TypeVar("I")  # noqa: E741 - an item
RENEW_SECONDS = 2.0
LEASE_SECONDS = 7.0
"""Three renewals may be lost before an answerer forgets the stream."""
WAITING_LIMIT = 2_000
"""Items that wait for their reader."""
TAKEN_LIMIT = 200


class Part(msgspec.Struct, Generic[I], array_like=True, frozen=True):
    """What an answerer sends: items, and how many it had to leave out before them."""

    answerer: str
    lost: int
    items: list[I]


class Arrived(msgspec.Struct, Generic[I], frozen=True):
    """What a reader is given: items, and how many are lost before them."""

    items: list[I]
    lost: int


class Following(Generic[I]):
    """One stream as its reader sees it."""

    def __init__(self, item_type: type[I]) -> None:
        self._part: Any = Part[item_type]  # type: ignore[valid-type]
        self._waiting: deque[I] = deque()
        self._lost = 0
        self._heard: dict[str, float] = {}
        self._news = asyncio.Event()
        self.is_over = False
        """The asking process ends its streams."""

    @property
    def answering(self) -> int:
        """How many processes serve it now."""
        oldest = asyncio.get_running_loop().time() - LEASE_SECONDS
        return sum(heard >= oldest for heard in self._heard.values())

    async def take(self, seconds: float) -> Arrived[I]:
        """What has arrived; nothing after so many seconds, at a first sign of an answerer, or when it is over."""
        if not self._waiting and not self._lost:
            self._news.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(0 if self.is_over else seconds):
                    await self._news.wait()
        items = [self._waiting.popleft() for _ in range(min(len(self._waiting), TAKEN_LIMIT))]
        lost, self._lost = self._lost, 0
        return Arrived(items, lost)

    async def arrived(self, message: CoreMessage) -> None:
        """One part of an answerer."""
        try:
            part: Part[I] = wire.decode(message.data, self._part)
        except msgspec.MsgspecError as error:
            logger.warning("A part of a stream cannot be read.", subject=message.subject, reason=str(error))
            return
        is_new = part.answerer not in self._heard
        self._heard[part.answerer] = asyncio.get_running_loop().time()
        self._lost += part.lost
        self._waiting.extend(part.items)
        while len(self._waiting) > WAITING_LIMIT:
            self._waiting.popleft()
            self._lost += 1
        if is_new or part.items or part.lost:
            self._news.set()

    def end(self) -> None:
        self.is_over = True
        self._news.set()


class Streams:
    """Asks for streams."""

    def __init__(self, log: Log) -> None:
        self._log = log
        self._followings: set[Following[Any]] = set()

    @asynccontextmanager
    async def follow(self, wanted: Stream, item_type: type[I]) -> AsyncIterator[Following[I]]:
        """The stream of what is wanted, while the context is open."""
        identifier = resource_id()
        following = Following(item_type)
        self._followings.add(following)
        subscription = await self._log.subscribe_core(wire.items_of(wanted, identifier), following.arrived)
        renewing = asyncio.create_task(self._renew(wanted, identifier), name=f"stream {wanted.VERB} {identifier}")
        try:
            yield following
        finally:
            self._followings.discard(following)
            renewing.cancel()
            await asyncio.gather(renewing, return_exceptions=True)
            await self._ask(wanted, identifier, 0)
            await subscription.close()

    async def serve(self) -> None:
        """Until cancelled; then those who read are told that it is over, so that nobody waits for them to leave."""
        try:
            await asyncio.Event().wait()
        finally:
            for following in self._followings:
                following.end()

    async def _renew(self, wanted: Stream, identifier: str) -> None:
        while True:
            await self._ask(wanted, identifier, LEASE_SECONDS)
            await asyncio.sleep(RENEW_SECONDS)

    async def _ask(self, wanted: Stream, identifier: str, lease_seconds: float) -> None:
        headers = {wire.STREAM: identifier, wire.LEASE: str(round(lease_seconds * 1000))}
        with contextlib.suppress(LogError):  # the next renewal, or the end of the lease, makes up for it
            await self._log.publish_core(wire.wishes_of(type(wanted)), wire.encode(wanted), headers=headers)
