"""The answering side of a stream: who follows it, each with a lease, a filter and a bounded buffer.

Invariants:
- `offer` never waits and holds at most `WAITING_LIMIT` items for each follower; what does not fit is counted.
- At most `SENT_AT_ONCE` items leave for a follower at each turn, whatever passes.
- While nobody follows `is_open` is False and no task runs.
"""

import asyncio
from collections import deque
from collections.abc import Iterable
from typing import Any, Generic, TypeVar

import msgspec
import structlog

from penstock.infra.calls import wire
from penstock.infra.calls.streams import Part
from penstock.infra.log import CoreMessage, CoreSubscription, Log, LogError
from penstock.kit.clock import Clock
from penstock.kit.ids import resource_id
from penstock.spec.calls import Stream

logger = structlog.get_logger(__name__)

I = TypeVar("I")  # noqa: E741 - an item
FOLLOWERS_LIMIT = 64
WAITING_LIMIT = 2_000
TURN_SECONDS = 0.1
SENT_AT_ONCE = 50
"""At most 500 items a second for each follower."""
LONGEST_LEASE = 60.0


class Follower(Generic[I]):
    """One who follows: what is wanted, until when, and what is still to be sent."""

    def __init__(self, wanted: Stream, until: float) -> None:
        self.wanted = wanted
        self.until = until
        self.is_greeted = False
        """Whether the last renewal was answered."""
        self._waiting: deque[I] = deque()
        self._lost = 0

    def offer(self, items: Iterable[I]) -> None:
        admits = self.wanted.admits
        for item in items:
            if admits(item):
                self._waiting.append(item)
        while len(self._waiting) > WAITING_LIMIT:
            self._waiting.popleft()
            self._lost += 1

    def take(self, answerer: str) -> Part[I] | None:
        """What is to be sent now; None where there is nothing to say."""
        if self.is_greeted and not self._waiting and not self._lost:
            return None
        items = [self._waiting.popleft() for _ in range(min(len(self._waiting), SENT_AT_ONCE))]
        lost, self._lost = self._lost, 0
        self.is_greeted = True
        return Part(answerer, lost, items)

    def lose(self, part: Part[I]) -> None:
        """It could not be sent."""
        self._lost += part.lost + len(part.items)


class Audience(Generic[I]):
    """All who follow one kind of stream in this process. `open`, then `offer` while `is_open`, then `close`."""

    def __init__(self, log: Log, stream_type: type[Stream], clock: Clock) -> None:
        self.answerer = resource_id()
        self._log = log
        self._stream_type = stream_type
        self._clock = clock
        self._followers: dict[str, Follower[I]] = {}
        self._subscription: CoreSubscription | None = None
        self._sending: asyncio.Task[None] | None = None

    @property
    def is_open(self) -> bool:
        return bool(self._followers)

    def offer(self, items: Iterable[I]) -> None:
        """Hand items to whoever wants them. They are gone through once for each follower."""
        items = list(items)
        for follower in self._followers.values():
            follower.offer(items)

    async def open(self) -> None:
        self._subscription = await self._log.subscribe_core(wire.wishes_of(self._stream_type), self._asked)

    async def close(self) -> None:
        if self._subscription is not None:
            await self._subscription.close()
        self._followers.clear()
        if self._sending is not None:
            self._sending.cancel()
            await asyncio.gather(self._sending, return_exceptions=True)

    async def _asked(self, message: CoreMessage) -> None:
        headers = message.headers or {}
        try:
            identifier, seconds = headers[wire.STREAM], int(headers[wire.LEASE]) / 1000
            wanted = wire.decode(message.data, self._stream_type)
        except (KeyError, ValueError, msgspec.MsgspecError) as error:
            logger.warning("A stream was asked for that cannot be read.", subject=message.subject, reason=str(error))
            return
        if seconds <= 0:
            self._followers.pop(identifier, None)
            return
        self._welcome(identifier, wanted, self._clock.monotonic() + min(seconds, LONGEST_LEASE))

    def _welcome(self, identifier: str, wanted: Any, until: float) -> None:
        if (known := self._followers.get(identifier)) is not None:
            known.until, known.is_greeted = until, False
        elif len(self._followers) < FOLLOWERS_LIMIT:
            self._followers[identifier] = Follower(wanted, until)
        else:
            logger.warning("A stream has too many followers.", stream=self._stream_type.VERB, limit=FOLLOWERS_LIMIT)
        if self._sending is None or self._sending.done():
            self._sending = asyncio.create_task(self._send(), name=f"stream {self._stream_type.VERB}")

    async def _send(self) -> None:
        while self._followers:
            for identifier, follower in list(self._followers.items()):
                if follower.until < self._clock.monotonic():
                    self._followers.pop(identifier, None)
                elif (part := follower.take(self.answerer)) is not None:
                    await self._publish(identifier, follower, part)
            await self._clock.sleep(TURN_SECONDS)

    async def _publish(self, identifier: str, follower: Follower[I], part: Part[I]) -> None:
        try:
            await self._log.publish_core(wire.items_of(follower.wanted, identifier), wire.encode(part))
        except LogError:
            follower.lose(part)
