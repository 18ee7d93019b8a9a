"""The answering side of a role: handlers by call type, bounded in number, each within the asker's deadline.

Invariants:
- A handler gets at most the asker's time; then it is cancelled, since nobody waits for it any more. One that must
  finish shields itself.
- A key is done once per process: whoever asks with the key of a running or finished call gets that call's answer.
- Whoever takes a call says at once who it is, so that its end is seen by the asker.
- Subscriptions come back after a reconnect by themselves.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from typing import Any, TypeVar

import msgspec
import structlog

from penstock.infra.calls import wire
from penstock.infra.calls.errors import CallFailed
from penstock.infra.log import CoreMessage, CoreSubscription, Log, LogError
from penstock.kit.ids import resource_id
from penstock.spec.calls import Call

logger = structlog.get_logger(__name__)

C = TypeVar("C", bound=Call)
RUNNING_LIMIT = 64
KEYS_KEPT = 1_000
LONGEST_DEADLINE = 600.0

Answer = tuple[bytes, dict[str, str]]


class CallServer:
    """Answers the calls to one role. `answer` for each call, `close` at the end."""

    def __init__(self, log: Log, role: str) -> None:
        self._log = log
        self._role = role
        self._process = wire.process_of(resource_id())
        self._subscriptions: list[CoreSubscription] = []
        self._running: dict[asyncio.Task[None], str] = {}
        """Each with the subject that waits for its answer."""
        self._keyed: OrderedDict[tuple[str, str], asyncio.Task[Answer]] = OrderedDict()

    async def answer(self, call_type: type[C], handler: Callable[[C], Awaitable[Any]]) -> None:
        """Answer calls of a type with what the handler returns; where several processes do, one of them is asked."""
        subject = wire.subject_of(call_type, self._role)

        async def arrived(message: CoreMessage) -> None:
            self._begin(message, call_type, handler)

        if not self._subscriptions:
            self._subscriptions.append(await self._log.subscribe_core(self._process, self._present))
        self._subscriptions.append(await self._log.subscribe_core(subject, arrived, queue=self._role))
        if call_type.IS_FOR_EACH:
            each = wire.each_of(call_type, self._role)
            self._subscriptions.append(await self._log.subscribe_core(each, arrived))

    async def close(self) -> None:
        """Stop listening, cancel what runs, and tell who still waits."""
        for subscription in self._subscriptions:
            await subscription.close()
        waiting = dict(self._running)
        pending = [*waiting, *self._keyed.values()]
        for task in pending:
            task.cancel()
        await asyncio.gather(*pending, return_exceptions=True)
        for task, subject in waiting.items():
            if task.cancelled():
                await self._reply(subject, _failure("stopping", f"{self._role} stops"))

    def _begin(self, message: CoreMessage, call_type: type[C], handler: Callable[[C], Awaitable[Any]]) -> None:
        if not message.reply:
            return
        if wire.LOOK in (message.headers or {}):
            self._hold(self._present(message), message.reply)
            return
        is_busy = len(self._running) >= RUNNING_LIMIT
        self._hold(self._refuse(message) if is_busy else self._work(message, call_type, handler), message.reply)

    def _hold(self, working: Coroutine[Any, Any, None], subject: str) -> None:
        task = asyncio.create_task(working, name=f"call answered to {subject}")
        self._running[task] = subject
        task.add_done_callback(lambda done: self._running.pop(done, None))

    async def _present(self, message: CoreMessage) -> None:
        if message.reply:
            await self._reply(message.reply, (b"", {}))

    async def _refuse(self, message: CoreMessage) -> None:
        await self._reply(message.reply, _failure("busy", f"{self._role} answers {RUNNING_LIMIT} calls already"))

    async def _work(self, message: CoreMessage, call_type: type[C], handler: Callable[[C], Awaitable[Any]]) -> None:
        headers = message.headers or {}
        if wire.TAKEN in headers:
            await self._say(message.reply, [(b"", {wire.TAKEN: self._process})])
        try:
            seconds = min(int(headers[wire.DEADLINE]) / 1000, LONGEST_DEADLINE)
            call: C = wire.decode(message.data, call_type)
        except (KeyError, ValueError, msgspec.MsgspecError) as error:
            await self._reply(message.reply, _failure("bad_call", f"the call cannot be read: {error}"))
            return
        try:
            async with asyncio.timeout(seconds):
                answer = await self._answer(headers.get(wire.KEY), call, handler)
        except TimeoutError:
            logger.warning("A call was given up at its deadline.", call=message.subject, seconds=seconds)
            return
        await self._reply(message.reply, answer)

    async def _answer(self, key: str | None, call: C, handler: Callable[[C], Awaitable[Any]]) -> Answer:
        if key is None:
            return await self._handle(call, handler)
        # Another asker with the same key may still wait when this one's time is over, hence a task of its own.
        named = (call.VERB, key)
        if (task := self._keyed.get(named)) is None or task.cancelled():
            task = self._keyed[named] = asyncio.create_task(self._handle(call, handler), name=f"call {named}")
            self._forget_oldest()
        return await asyncio.shield(task)

    def _forget_oldest(self) -> None:
        for named in list(self._keyed)[: max(0, len(self._keyed) - KEYS_KEPT)]:
            if self._keyed[named].done():
                del self._keyed[named]

    async def _handle(self, call: C, handler: Callable[[C], Awaitable[Any]]) -> Answer:
        try:
            body = wire.encode(await handler(call))
        except CallFailed as error:
            return _failure(error.code, error.message)
        except Exception as error:
            logger.exception("A call failed.", role=self._role, call=call.VERB)
            return _failure("internal", f"{self._role} failed: {type(error).__name__}")
        if len(body) > wire.LARGEST_REPLY:
            return _failure("too_large", f"the answer has {len(body)} bytes; at most {wire.LARGEST_REPLY} are sent")
        return body, {}

    async def _reply(self, subject: str, answer: Answer) -> None:
        await self._say(subject, wire.parts(*answer))

    async def _say(self, subject: str, messages: Iterable[Answer]) -> None:
        try:
            for body, headers in messages:
                await self._log.publish_core(subject, body, headers=headers)
        except LogError as error:
            logger.warning("An answer could not be sent.", role=self._role, reason=str(error))


def _failure(code: str, message: str) -> Answer:
    return message[: wire.LARGEST_MESSAGE].encode(), {wire.ERROR_CODE: code}
