"""The link to the server that lasts: connections are made anew for ever, 0.1 s apart at first.

`generation` counts connections. Whoever holds something on the server (a subscription, a consumer) makes it anew when
the generation changes; core subscriptions made here are.
"""

import asyncio
import math
import time
from collections.abc import Mapping
from typing import Self

import structlog
from nats.aio.subscription import Subscription

from penstock.infra.log.connection import Connection, CoreMessage, Deliver, IsLast, first_is_last
from penstock.infra.log.errors import LogError, LogRefused, LogUnavailable
from penstock.infra.log.servers import Access, Servers
from penstock.kit.backoff import backoff

logger = structlog.get_logger(__name__)

FIRST_WAIT, LONGEST_WAIT = 0.1, 0.5
CONNECT_SECONDS = 5.0


class CoreSubscription:
    """Interest in a core subject that survives reconnects, until it is closed."""

    def __init__(self, link: "Link", subject: str, queue: str, deliver: Deliver) -> None:
        self._link = link
        self.subject = subject
        self.queue = queue
        self.deliver = deliver

    async def close(self) -> None:
        await self._link.forget(self)


class Link:
    """See the module. Made by `open`, ended by `close`."""

    def __init__(self, urls: str, access: Access, name: str) -> None:
        self._servers = Servers(urls)
        self._access = access
        self._name = name
        self._connection: Connection | None = None
        self._connected = asyncio.Event()
        self._lost = asyncio.Event()
        self._keeper: asyncio.Task[None] | None = None
        self._subscriptions: dict[CoreSubscription, Subscription | None] = {}
        self._is_closed = False
        self.generation = 0
        self._reconnected_at = -math.inf

    async def open(self, seconds: float) -> Self:
        """Connect, trying until `seconds` have passed. Raises LogUnavailable; at once LogRefused."""
        deadline = asyncio.get_running_loop().time() + seconds
        for wait in backoff(FIRST_WAIT, LONGEST_WAIT):
            try:
                await self._connect()
                break
            except LogUnavailable:
                if asyncio.get_running_loop().time() + wait > deadline:
                    raise
                await asyncio.sleep(wait)
        self._keeper = asyncio.create_task(self._keep(), name=f"log link {self._name}")
        return self

    async def close(self) -> None:
        self._is_closed = True
        while self._keeper is not None and not self._keeper.done():
            self._keeper.cancel()
            # The client swallows a cancellation in places, hence more than one.
            await asyncio.wait([self._keeper], timeout=0.05)
        connection, self._connection = self._connection, None
        self._connected.set()  # whoever waits is told
        if connection is not None:
            await connection.close()

    @property
    def is_connected(self) -> bool:
        return self._connection is not None and self._connection.is_usable

    @property
    def seconds_since_reconnect(self) -> float:
        """How long ago a lost connection was made anew; infinite where none was lost."""
        return time.monotonic() - self._reconnected_at

    @property
    def connection(self) -> Connection:
        """The living connection. Raises LogUnavailable where there is none."""
        if self._connection is None or not self._connection.is_usable:
            raise LogUnavailable("there is no connection to the log engine")
        return self._connection

    async def wait_connected(self, seconds: float | None = None) -> None:
        """Return when connected. Raises LogUnavailable after `seconds`, and when this link is closed."""
        try:
            async with asyncio.timeout(seconds):
                await self._connected.wait()
                while not self.is_connected and not self._is_closed:
                    # The client knows of the end already, and we not yet: who tries again at once would never let it
                    # tell us.
                    self._ended(self._connection)
                    await self._connected.wait()
        except TimeoutError as error:
            raise LogUnavailable(f"no connection to the log engine in {seconds:g} s") from error
        if self._is_closed:
            raise LogUnavailable("the log is closed")

    async def exchange(
        self,
        messages: list[tuple[str, bytes, Mapping[str, str] | None]],
        is_last: IsLast = first_is_last,
        *,
        seconds: float,
    ) -> list[CoreMessage]:
        return await self.connection.exchange(messages, is_last, seconds=seconds)

    async def subscribe(self, subject: str, deliver: Deliver, *, queue: str = "") -> CoreSubscription:
        """Deliver what is published on a core subject from the return of this call on, and after every reconnect."""
        wanted = CoreSubscription(self, subject, queue, deliver)
        self._subscriptions[wanted] = None
        if self.is_connected:
            self._subscriptions[wanted] = await self.connection.subscribe(subject, deliver, queue=queue)
            await self.connection.confirm()
        return wanted

    async def forget(self, wanted: CoreSubscription) -> None:
        held = self._subscriptions.pop(wanted, None)
        if held is None or not self.is_connected:
            return
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                await self.connection.end(held)
        except (OSError, LogError) as error:  # TimeoutError is an OSError
            logger.debug("A subscription ended with its connection.", subject=wanted.subject, reason=repr(error))

    async def _connect(self) -> None:
        """To the first server that takes us, each being tried once. Raises LogUnavailable, LogRefused."""
        for is_last_try in [False] * (len(self._servers) - 1) + [True]:
            try:
                await self._connect_to(self._servers.next())
            except LogUnavailable:
                if is_last_try:
                    raise
            else:
                return

    async def _connect_to(self, url: str) -> None:
        connection = await Connection.open(
            url, access=self._access, name=self._name, seconds=CONNECT_SECONDS, on_end=self._ended
        )
        self._lost.clear()
        self._connection = connection
        try:
            for wanted in list(self._subscriptions):
                self._subscriptions[wanted] = await connection.subscribe(
                    wanted.subject, wanted.deliver, queue=wanted.queue
                )
            await connection.confirm()
        except BaseException:
            await connection.close()
            raise
        self.generation += 1
        self._connected.set()

    def _ended(self, connection: Connection | None) -> None:
        if connection is self._connection:
            self._connected.clear()
            self._lost.set()

    async def _keep(self) -> None:
        while not self._is_closed:
            await self._lost.wait()
            logger.warning("The log engine is gone.", server=str(self._servers), name=self._name)
            if self._connection is not None:
                await self._connection.close()
            await self._reconnect()
            logger.info(
                "The log engine is back.", server=str(self._servers), name=self._name, generation=self.generation
            )

    async def _reconnect(self) -> None:
        for wait in backoff(FIRST_WAIT, LONGEST_WAIT):
            try:
                await self._connect()
            except LogRefused as error:
                logger.warning(
                    "The log engine refuses us.", server=str(self._servers), name=self._name, reason=str(error)
                )
            except LogError:
                logger.debug("The log engine does not answer yet.", server=str(self._servers), name=self._name)
            else:
                self._reconnected_at = time.monotonic()
                return
            await asyncio.sleep(wait)
