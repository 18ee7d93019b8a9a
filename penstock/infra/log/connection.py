"""One life of a connection to the server: it is made, it is used, it ends, and is never mended.

Invariants:
- Nothing is buffered while there is no server: what a dead connection did not send is gone, so an append given up
  cannot turn up after a reconnect.
- When the connection ends, every exchange that still waits fails at once with LogUnavailable.
- All answers come in on one subscription; an answer finds its exchange by the last part of its subject.
"""

import asyncio
import re
import secrets
import ssl
from collections.abc import Awaitable, Callable, Mapping
from itertools import count
from typing import Protocol

import nats.errors
import structlog
from nats.aio.client import Client
from nats.aio.subscription import Subscription

from penstock.infra.log.errors import LogRefused, LogTimeout, LogUnavailable
from penstock.infra.log.servers import Access, shown

logger = structlog.get_logger(__name__)

PING_SECONDS = 3
"""A server that hangs is left after three of these: others of its cluster may answer."""
CONFIRM_SECONDS = 5.0
CLOSE_SECONDS = 1.0
_DENIED = re.compile(r"permissions violation for (publish|subscription) to \"([^\"]+)\"")
_DENIABLE = {"publish": "publish", "subscription": "subscribe"}
_INBOX = "_INBOX.>"
TO_SELF = ""
"""As a subject of an exchange: the connection's own inbox, where the server echoes it."""


class CoreMessage(Protocol):
    """A message as it comes in; nothing says that it is stored."""

    subject: str
    reply: str
    data: bytes
    headers: dict[str, str] | None


IsLast = Callable[[CoreMessage], bool]
Deliver = Callable[[CoreMessage], Awaitable[None]]


def status_of(message: CoreMessage) -> str:
    """The inline status of a message without content (`404`, `503`, …), or an empty string."""
    return str((message.headers or {}).get("Status", ""))


def first_is_last(_message: CoreMessage) -> bool:
    return True


class _Exchange:
    """The answers to one question, until the last one is there."""

    __slots__ = ("answers", "done", "is_last", "messages")

    def __init__(
        self,
        messages: "list[tuple[str, bytes, Mapping[str, str] | None]]",
        is_last: IsLast,
        done: "asyncio.Future[list[CoreMessage]]",
    ) -> None:
        self.messages = messages
        self.is_last = is_last
        self.done = done
        self.answers: list[CoreMessage] = []

    def take(self, message: CoreMessage) -> None:
        if self.done.done():
            return
        self.answers.append(message)
        try:
            if status_of(message) == "503" or self.is_last(message):
                self.done.set_result(self.answers)
        except Exception as error:  # noqa: BLE001 - it belongs to whoever asked, not to the reading task
            self.done.set_exception(error)

    def deny(self, what: str, subject: str) -> None:
        """The server takes nothing on a subject, told in lower case; where this holds a message to it, nothing of this
        is stored.
        """
        own = next((sent or _INBOX for sent, _, _ in self.messages if (sent or _INBOX).lower() == subject), None)
        if own is not None and not self.done.done():
            told = f"the log engine does not let this user {what} to `{own}`: allow it in its permissions"
            self.done.set_exception(LogRefused(0, 403, told))


class Connection:
    """A connected client. `on_end` is called once, when the connection has ended for whatever reason."""

    def __init__(self, on_end: Callable[["Connection"], None]) -> None:
        self._client = Client()
        self._on_end = on_end
        self._exchanges: dict[str, _Exchange] = {}
        self._inbox = f"_INBOX.{secrets.token_hex(11)}"
        self._numbers = count(1)
        self._has_ended = False
        self._at_end: list[Callable[[None], None]] = []

    @classmethod
    async def open(
        cls, url: str, *, access: Access, name: str, seconds: float, on_end: Callable[["Connection"], None]
    ) -> "Connection":
        """Connect once. Raises LogUnavailable, or LogRefused where the credentials are wrong or TLS cannot be had."""
        connection = cls(on_end)
        try:
            async with asyncio.timeout(seconds):
                await connection._connect(url, access, name)
        except BaseException as error:
            await connection.close()
            if isinstance(error, LogRefused):
                raise
            if _is_refusal(error):
                raise LogRefused(0, 401, f"the log engine at {shown(url)} refuses the connection: {error}") from error
            if isinstance(error, Exception):  # the client fails in many ways where the greeting is cut
                raise LogUnavailable(f"no connection to the log engine at {shown(url)}: {error!r}") from error
            raise
        return connection

    async def _connect(self, url: str, access: Access, name: str) -> None:
        async def ended(*_: object) -> None:
            self._end()

        await self._client.connect(
            servers=[url],
            token=access.token or None,
            tls=access.tls(),
            name=name,
            allow_reconnect=False,
            max_reconnect_attempts=1,
            reconnect_time_wait=0.02,
            connect_timeout=2,
            ping_interval=PING_SECONDS,
            pending_size=0,
            closed_cb=ended,
            disconnected_cb=ended,
            error_cb=self._note,
        )
        # The client's callbacks do not come when closing the socket fails in turn; the end of its reading task does.
        reading = self._client._reading_task  # noqa: SLF001
        reading.add_done_callback(lambda _: self._end())
        await self._client.subscribe(f"{self._inbox}.*", cb=self._answered, pending_bytes_limit=0, pending_msgs_limit=0)

    @property
    def is_usable(self) -> bool:
        return not self._has_ended and self._client.is_connected

    @property
    def server_version(self) -> str:
        version = self._client.connected_server_version
        return f"{version.major}.{version.minor}.{version.patch}"

    @property
    def has_jetstream(self) -> bool:
        """Whether this very server runs JetStream; another one of its cluster may."""
        return bool(self._client._server_info.get("jetstream"))  # noqa: SLF001 - the greeting is told nowhere else

    @property
    def max_payload(self) -> int:
        return int(self._client.max_payload)

    def _end(self) -> None:
        if self._has_ended:
            return
        self._has_ended = True
        for exchange in self._exchanges.values():
            if not exchange.done.done():
                exchange.done.set_exception(LogUnavailable("the connection to the log engine was lost"))
        for call in self._at_end:
            call(None)
        self._on_end(self)

    def at_end(self, call: Callable[[None], None]) -> None:
        """Have `call(None)` called when the connection ends."""
        self._at_end.append(call)

    def not_at_end(self, call: Callable[[None], None]) -> None:
        if call in self._at_end:
            self._at_end.remove(call)

    async def _note(self, error: Exception) -> None:
        """What else counts of the connection reaches us otherwise; a callback that fails would be known to nobody."""
        if not isinstance(error, (nats.errors.Error, OSError)):
            logger.error("What a subscription delivers to has failed.", exc_info=error)
        elif denied := _DENIED.search(str(error)):
            what, subject = denied.groups()
            is_own = subject.startswith(f"{self._inbox}.".lower())
            denied_to = self._exchanges.values() if is_own or what == "publish" else ()
            for exchange in denied_to:
                exchange.deny(_DENIABLE[what], _INBOX.lower() if is_own else subject)

    async def _answered(self, message: CoreMessage) -> None:
        exchange = self._exchanges.get(message.subject.rpartition(".")[2])
        if exchange is not None:
            exchange.take(message)

    async def exchange(
        self,
        messages: list[tuple[str, bytes, Mapping[str, str] | None]],
        is_last: IsLast = first_is_last,
        *,
        seconds: float,
    ) -> list[CoreMessage]:
        """Send messages, the last of them with a reply subject, and collect what is answered until `is_last`."""
        number = str(next(self._numbers))
        done: asyncio.Future[list[CoreMessage]] = asyncio.get_running_loop().create_future()
        self._exchanges[number] = _Exchange(messages, is_last, done)
        try:
            async with asyncio.timeout(seconds):
                for index, (subject, payload, headers) in enumerate(messages, 1):
                    reply = f"{self._inbox}.{number}" if index == len(messages) else ""
                    await self.publish(subject or reply, payload, headers=headers, reply=reply)
                return await done
        except TimeoutError as error:
            raise LogTimeout(f"no answer from the log engine in {seconds:g} s") from error
        finally:
            del self._exchanges[number]
            if not done.cancel() and not done.cancelled():
                done.exception()  # a loss in the moment of a timeout is told once, as the timeout

    async def publish(
        self, subject: str, payload: bytes, *, headers: Mapping[str, str] | None = None, reply: str = ""
    ) -> None:
        if not self.is_usable:
            raise LogUnavailable("there is no connection to the log engine")
        try:
            await self._client.publish(subject, payload, reply=reply, headers=dict(headers) if headers else None)
        except nats.errors.MaxPayloadError as error:
            raise LogRefused(10054, 400, f"a message of {len(payload)} bytes is above the limit") from error
        except nats.errors.BadSubjectError as error:
            raise LogRefused(0, 400, f"the subject {subject!r} is not valid") from error
        except (nats.errors.ConnectionClosedError, nats.errors.OutboundBufferLimitError, OSError) as error:
            raise LogUnavailable(f"the connection to the log engine was lost: {error!r}") from error

    async def subscribe(self, subject: str, deliver: Deliver, *, queue: str = "") -> Subscription:
        if not self.is_usable:
            raise LogUnavailable("there is no connection to the log engine")
        try:
            return await self._client.subscribe(
                subject, queue=queue, cb=deliver, pending_bytes_limit=0, pending_msgs_limit=0
            )
        except (nats.errors.ConnectionClosedError, OSError) as error:
            raise LogUnavailable(f"the connection to the log engine was lost: {error!r}") from error

    async def confirm(self) -> None:
        """Return when the server has taken in everything sent so far, subscriptions too."""
        await self.exchange([(TO_SELF, b"", None)], seconds=CONFIRM_SECONDS)

    async def end(self, subscription: Subscription) -> None:
        """End a subscription when all that the server sent has been delivered."""
        # The client's own `drain` lets its ping overtake what is still to be sent, and so ends too early.
        await self._client._send_unsubscribe(subscription._id)  # noqa: SLF001
        await self.confirm()
        await subscription._pending_queue.join()  # noqa: SLF001
        await subscription.unsubscribe()

    def new_inbox(self) -> str:
        """A subject of this connection's own that no exchange uses."""
        return f"{self._inbox}.feed.{next(self._numbers)}"

    async def close(self) -> None:
        """End it. Never raises: there is nothing left to do about a failure."""
        try:
            # After a handshake that failed the client would wait for ever for the end of its socket.
            async with asyncio.timeout(CLOSE_SECONDS):
                await self._client.close()
        except Exception as error:  # noqa: BLE001 - whatever it is, the connection is over
            logger.debug("A connection did not close in order.", reason=repr(error))
        finally:
            self._end()


def _is_refusal(error: BaseException) -> bool:
    """What another try will not mend: credentials that are refused, a certificate that is not trusted."""
    is_distrust = isinstance(error, ssl.SSLCertVerificationError)
    return is_distrust or isinstance(error, nats.errors.AuthorizationError) or "authorization" in str(error).lower()
