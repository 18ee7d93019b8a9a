"""The log engine as the rest of Penstock sees it: streams, fences, readers and buckets over one connection."""

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from typing import Any, Self

from penstock.infra.log import direct, streams, writer
from penstock.infra.log.bucket import Bucket, bucket_spec
from penstock.infra.log.connection import CoreMessage, Deliver, IsLast, first_is_last
from penstock.infra.log.link import CoreSubscription, Link
from penstock.infra.log.message import Message, Storage, StreamSpec, StreamState
from penstock.infra.log.reader import Reader
from penstock.infra.log.servers import Access


class Log:
    """One per process. Everything may be used by many tasks at once."""

    def __init__(self, link: Link) -> None:
        self._link = link

    @classmethod
    async def connect(
        cls,
        urls: str,
        *,
        token: str = "",
        certificate_authority: str = "",
        name: str = "penstock",
        seconds: float = 30.0,
    ) -> Self:
        """Connect to one of the servers within `seconds`, and from then on for ever.

        Raises LogUnavailable, LogRefused (credentials or certificates that do not fit).
        """
        return cls(await Link(urls, Access(token, certificate_authority), name).open(seconds))

    async def close(self) -> None:
        await self._link.close()

    @property
    def is_connected(self) -> bool:
        return self._link.is_connected

    @property
    def generation(self) -> int:
        """Grows by one with every connection made."""
        return self._link.generation

    @property
    def seconds_since_reconnect(self) -> float:
        """How long ago a lost connection was made anew; infinite where none was lost."""
        return self._link.seconds_since_reconnect

    @property
    def server_version(self) -> str:
        return self._link.connection.server_version

    @property
    def has_jetstream(self) -> bool:
        return self._link.connection.has_jetstream

    @property
    def max_payload(self) -> int:
        return self._link.connection.max_payload

    async def wait_connected(self, deadline: float | None = None) -> None:
        """Return when connected; raises LogUnavailable after `deadline` seconds."""
        await self._link.wait_connected(deadline)

    async def limits(self) -> Mapping[str, Any]:
        """What JetStream allows the account that we are. Raises LogUnavailable where it does not run."""
        found: dict[str, Any] = (await streams.api(self._link, "INFO"))["limits"]
        return found

    async def storage(self) -> tuple[int, int]:
        """Bytes that our account has stored, and its limit (-1: none). Raises LogError."""
        found = await streams.api(self._link, "INFO")
        return int(found["storage"]), int(found["limits"]["max_storage"])

    async def stream_names(self) -> list[str]:
        return await streams.names(self._link)

    async def ensure_stream(self, spec: StreamSpec) -> None:
        await streams.ensure_stream(self._link, spec)

    async def append(
        self,
        subject: str,
        payload: bytes,
        *,
        expected_last: int | None = None,
        timeout: float = 5.0,  # noqa: ASYNC109
    ) -> int:
        """Store one message durably and return its sequence.

        Raises SequenceMismatch where the subject's last message is not `expected_last` (0: none); LogTimeout or
        LogUnavailable where nobody knows whether it is stored; LogFull, LogRefused where it is not.
        """
        return await writer.append(self._link, subject, payload, expected_last, timeout)

    async def append_batch(
        self,
        messages: Sequence[tuple[str, bytes]],
        *,
        expected_last: Mapping[str, int] | None = None,
        timeout: float = 10.0,  # noqa: ASYNC109
    ) -> int:
        """Store up to 1,000 messages of one stream, all or none; returns the sequence of the last. Raises as `append`.

        `expected_last` gives, for any subject of the batch, the last message that stands there before the batch.
        """
        return await writer.append_batch(self._link, messages, expected_last or {}, timeout)

    async def last(self, stream: str, subject: str) -> Message | None:
        return await direct.last(self._link, stream, subject)

    async def get_batch(
        self,
        stream: str,
        start_sequence: int,
        *,
        subject: str | None = None,
        max_messages: int = 256,
        max_bytes: int = 4 << 20,
    ) -> list[Message]:
        """What is stored from `start_sequence` on, bounded; empty at the end of the stream."""
        return await direct.get_batch(
            self._link, stream, start_sequence, subject=subject, max_messages=max_messages, max_bytes=max_bytes
        )

    async def read(
        self, stream: str, start_sequence: int, *, subject: str | None = None
    ) -> AsyncGenerator[Message, None]:
        """Every message from `start_sequence` on, once and in order, for ever. Raises LogLost, LogRefused."""
        async with aclosing(self.read_marked(stream, start_sequence, subject=subject)) as messages:
            async for message in messages:
                if message is not None:
                    yield message

    def read_marked(
        self, stream: str, start_sequence: int, *, subject: str | None = None
    ) -> AsyncGenerator[Message | None, None]:
        """Like `read`, with a None each time that everything stored so far has been given."""
        return Reader(self._link, stream, start_sequence, subject).messages()

    async def sequence_at(self, stream: str, time_ms: int) -> int:
        """The first sequence stored at or after a time; one after the last where there is none."""
        return await direct.sequence_at(self._link, stream, time_ms)

    async def purge(self, stream: str, *, below: int, subject: str | None = None) -> int:
        """Remove what has a lower sequence than `below`, and return how many that were."""
        return await streams.purge(self._link, stream, below, subject)

    async def erase(self, stream: str, sequence: int) -> bool:
        """Remove one message and overwrite what it held; False where it is gone already."""
        return await streams.erase(self._link, stream, sequence)

    async def state(self, stream: str) -> StreamState:
        return await streams.state(self._link, stream)

    async def bucket(self, name: str, *, storage: Storage = "file", replicas: int = 1) -> Bucket:
        """The bucket of that name, made if it is not there."""
        await self.ensure_stream(bucket_spec(name, storage=storage, replicas=replicas))
        return Bucket(self, name)

    async def publish_core(
        self, subject: str, payload: bytes, *, headers: Mapping[str, str] | None = None, reply: str = ""
    ) -> None:
        """Publish without storing: who does not listen now never hears it. Answers, if any, go to `reply`."""
        await self._link.connection.publish(subject, payload, headers=headers, reply=reply)

    async def subscribe_core(self, subject: str, deliver: Deliver, *, queue: str = "") -> CoreSubscription:
        """Deliver core messages, across reconnects, until the subscription is closed."""
        return await self._link.subscribe(subject, deliver, queue=queue)

    async def request_core(
        self,
        subject: str,
        payload: bytes,
        *,
        headers: Mapping[str, str] | None = None,
        is_last: IsLast = first_is_last,
        seconds: float,
    ) -> list[CoreMessage]:
        """Ask once, and collect answers until `is_last`; a lone answer with status 503 means that nobody listens."""
        return await self._link.exchange([(subject, payload, headers)], is_last, seconds=seconds)
