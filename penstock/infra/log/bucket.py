"""A key-value bucket: a stream that keeps the last value of every key, watched by reading it."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import TYPE_CHECKING

from penstock.infra.log.message import Entry, Message, Storage, StreamSpec

if TYPE_CHECKING:
    from penstock.infra.log.log import Log


def bucket_spec(name: str, *, storage: Storage = "file", replicas: int = 1) -> StreamSpec:
    return StreamSpec(
        name=f"KV_{name}",
        subjects=(f"$KV.{name}.>",),
        storage=storage,
        replicas=replicas,
        max_messages_per_subject=1,
    )


class Bucket:
    """Made by `Log.bucket`. Revisions are stream sequences: they only grow, over all keys."""

    def __init__(self, log: "Log", name: str) -> None:
        self._log = log
        self._stream = f"KV_{name}"
        self._prefix = f"$KV.{name}."

    async def get(self, key: str) -> Entry | None:
        message = await self._log.last(self._stream, self._prefix + key)
        return None if message is None else self._entry(message)

    async def put(self, key: str, value: bytes, *, expected_revision: int | None = None) -> int:
        """Write, and return the revision. `expected_revision` 0: the key must be new. Raises SequenceMismatch."""
        return await self._log.append(self._prefix + key, value, expected_last=expected_revision)

    async def watch(self) -> AsyncGenerator[Entry | None, None]:
        """Every value there is, None once all were given (again after each reconnect), then every change."""
        async with aclosing(self._log.read_marked(self._stream, 1)) as messages:
            async for message in messages:
                yield None if message is None else self._entry(message)

    async def last_revision(self) -> int:
        return (await self._log.state(self._stream)).last

    def _entry(self, message: Message) -> Entry:
        key = message.subject.removeprefix(self._prefix)
        return Entry(key, message.payload, message.sequence, message.time_ms)
