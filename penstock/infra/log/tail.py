"""The growing end of a stream, through an ephemeral pull consumer: nothing is acknowledged, nothing survives it.

Invariants:
- At most one pull is open, bounded in messages and bytes, so a slow reader holds at most that much.
- The server numbers what it delivers; a number missing, a heartbeat missing, or any answer that does not simply end
  the pull raises LogUnavailable, and the reader makes a new tail after its own position.
"""

import asyncio
from collections.abc import AsyncGenerator
from types import TracebackType
from typing import Self

import msgspec
from nats.aio.subscription import Subscription

from penstock.infra.log.connection import Connection, CoreMessage, status_of
from penstock.infra.log.errors import LogError, LogUnavailable
from penstock.infra.log.link import Link
from penstock.infra.log.message import MAX_PAYLOAD, Message
from penstock.infra.log.streams import API, api

PULL_MESSAGES = 256
PULL_BYTES = MAX_PAYLOAD + (1 << 20)
PULL_SECONDS = 60
HEARTBEAT_SECONDS = 2
"""In a cluster the node that holds the consumer may die while the one that we are connected to lives."""
MISSED_SECONDS = 2.5 * HEARTBEAT_SECONDS
UNUSED_SECONDS = 30
ENDS_PULL = ("Request Timeout", "Batch Completed", "Message Size Exceeds MaxBytes", "No Messages")
SECOND = 1_000_000_000

_encode = msgspec.json.Encoder().encode


class Tail:
    """`async with Tail(...) as tail: async for message in tail`."""

    def __init__(self, link: Link, stream: str, start: int, subject: str | None) -> None:
        self._link = link
        self._connection: Connection = link.connection
        self._stream = stream
        self._start = start
        self._subject = subject
        self._arrived: asyncio.Queue[CoreMessage | None] = asyncio.Queue()
        self._consumer = ""
        self._inbox = self._connection.new_inbox()
        self._delivered = 0
        self._subscription: Subscription | None = None

    async def __aenter__(self) -> Self:
        self._subscription = await self._connection.subscribe(self._inbox, self._arrived.put)
        self._connection.at_end(self._arrived.put_nowait)
        try:
            answer = await api(self._link, f"CONSUMER.CREATE.{self._stream}", self._request())
            self._consumer = answer["name"]
            await self._pull()
        except BaseException:
            await self._leave()
            raise
        return self

    async def __aexit__(
        self, _type: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        await self._leave()

    async def _leave(self) -> None:
        self._connection.not_at_end(self._arrived.put_nowait)
        if not self._connection.is_usable:
            return
        try:
            if self._subscription is not None:
                await self._subscription.unsubscribe()
            if self._consumer:
                await self._connection.publish(f"{API}CONSUMER.DELETE.{self._stream}.{self._consumer}", b"")
        except LogError:
            pass  # the server forgets an unused consumer by itself

    def _request(self) -> dict[str, object]:
        config: dict[str, object] = {
            "deliver_policy": "by_start_sequence",
            "opt_start_seq": self._start,
            "ack_policy": "none",
            "max_deliver": 1,
            "mem_storage": True,
            "num_replicas": 1,
            "inactive_threshold": UNUSED_SECONDS * SECOND,
        }
        if self._subject is not None:
            config["filter_subject"] = self._subject
        return {"stream_name": self._stream, "config": config}

    async def _pull(self) -> None:
        bounds = {
            "batch": PULL_MESSAGES,
            "max_bytes": PULL_BYTES,
            "expires": PULL_SECONDS * SECOND,
            "idle_heartbeat": HEARTBEAT_SECONDS * SECOND,
        }
        subject = f"{API}CONSUMER.MSG.NEXT.{self._stream}.{self._consumer}"
        await self._connection.publish(subject, _encode(bounds), reply=self._inbox)

    async def __aiter__(self) -> AsyncGenerator[Message, None]:
        while True:
            arrived = await self._next()
            status = status_of(arrived)
            if not status:
                yield self._message(arrived)
            elif status != "100":
                await self._end_of_pull(status, (arrived.headers or {}).get("Description", ""))

    async def _next(self) -> CoreMessage:
        try:
            async with asyncio.timeout(MISSED_SECONDS):
                arrived = await self._arrived.get()
        except TimeoutError as error:
            raise LogUnavailable(f"the tail of {self._stream} has gone silent") from error
        if arrived is None:
            raise LogUnavailable("the connection to the log engine was lost")
        return arrived

    async def _end_of_pull(self, status: str, description: str) -> None:
        if not description.startswith(ENDS_PULL):
            raise LogUnavailable(f"the tail of {self._stream} ended: {status} {description}")
        await self._pull()

    def _message(self, arrived: CoreMessage) -> Message:
        # $JS.ACK.[<domain>.<account>.]<stream>.<consumer>.<tries>.<stream seq>.<consumer seq>.<ns>.<pending>[.<token>]
        parts = arrived.reply.split(".")
        at = 5 if len(parts) == 9 else 7
        self._delivered += 1
        if int(parts[at + 1]) != self._delivered:
            raise LogUnavailable(f"a message of {self._stream} was lost on the way")
        return Message(arrived.subject, int(parts[at]), int(parts[at + 2]) // 1_000_000, arrived.data)
