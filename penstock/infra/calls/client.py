"""The asking side: one question, one deadline; asked again only where nobody heard it while all come back to the log.

Nor is an answer waited for that nobody can give.
"""

import asyncio
from collections.abc import Awaitable, Iterator
from typing import Any, TypeVar

import msgspec
import structlog

from penstock.infra.calls import wire
from penstock.infra.calls.errors import CallError, CallFailed, CallTimedOut, RoleDown
from penstock.infra.log import CoreMessage, Log, LogUnavailable
from penstock.kit.ids import resource_id
from penstock.spec.calls import Call

logger = structlog.get_logger(__name__)

R = TypeVar("R")
_LOOK_SECONDS = 1.0
"""How long nothing is heard before the asker looks whether anybody is there."""
_SETTLING_SECONDS = 5.0
"""How long after the log engine is back others may still be on their way to it: who is not heard is not down yet."""
_SETTLING_WAIT = 0.1


class CallClient:
    """Asks roles over the log engine's core subjects."""

    def __init__(self, log: Log) -> None:
        self._log = log

    async def ask(
        self,
        call: Call,
        reply_type: type[R],
        *,
        deadline_seconds: float,
        role: str | None = None,
        key: str | None = None,
    ) -> R:
        """The role's answer. A command that is not idempotent carries a `key`: the same key is done once.

        Raises RoleDown (nothing was done), CallTimedOut (nobody knows), CallFailed (the role's own answer).
        """
        asked = role or call.ROLE
        while True:
            try:
                return await self._ask_once(call, reply_type, deadline_seconds, asked, key)
            except RoleDown:
                if self._log.seconds_since_reconnect > min(_SETTLING_SECONDS, deadline_seconds):
                    raise
            await asyncio.sleep(_SETTLING_WAIT)

    async def _ask_once(
        self, call: Call, reply_type: type[R], deadline_seconds: float, asked: str, key: str | None
    ) -> R:
        if not self._log.is_connected:
            raise RoleDown(asked, "the log engine is not connected")
        headers = {wire.DEADLINE: str(round(deadline_seconds * 1000)), wire.TAKEN: ""}
        collected = _Collected(asked)
        asking = self._log.request_core(
            wire.subject_of(call, asked),
            wire.encode(call),
            headers=headers | ({wire.KEY: key} if key else {}),
            is_last=collected.is_last,
            seconds=deadline_seconds,
        )
        try:
            answers = await self._watched(asking, call, collected)
        except LogUnavailable as error:
            raise CallTimedOut(asked, f"{asked} did not answer `{call.VERB}`: {error}") from error
        return _reply(asked, [each for each in answers if not _is_taken(each)], reply_type)

    async def _watched(
        self, asking: Awaitable[list[CoreMessage]], call: Call, collected: "_Collected"
    ) -> list[CoreMessage]:
        """What `asking` brings. Raises CallTimedOut where nobody is left who could answer."""
        task = asyncio.ensure_future(asking)
        try:
            missing = 0
            while not (await asyncio.wait({task}, timeout=_LOOK_SECONDS))[0]:
                place = collected.taken_by
                is_there = await self._is_there(place or wire.subject_of(call, collected.role))
                missing = 0 if is_there else missing + 1
                # One that stops is gone before its last word comes; what nobody took, nobody will take.
                if missing > (1 if place else 0) and not task.done():
                    raise CallTimedOut(collected.role, f"{collected.role} ended before it answered `{call.VERB}`")
            return task.result()
        finally:
            task.cancel()

    async def _is_there(self, subject: str) -> bool:
        """Whether anybody hears there; also where that cannot be known."""
        try:
            (answer, *_) = await self._log.request_core(subject, b"", headers={wire.LOOK: ""}, seconds=_LOOK_SECONDS)
        except LogUnavailable:
            return True
        return wire.LAST in (answer.headers or {})

    async def ask_each(
        self, call: Call, reply_type: type[R], *, role: str, deadline_seconds: float, window_seconds: float
    ) -> list[R]:
        """What the processes of a role answer within `window_seconds` of the first; nothing where none is in time.

        Answers of one part each; one that failed is left out.
        """
        answers: list[CoreMessage] = []
        first = asyncio.Event()

        async def take(message: CoreMessage) -> None:
            answers.append(message)
            first.set()

        inbox = f"answers.{resource_id()}"
        headers = {wire.DEADLINE: str(round(deadline_seconds * 1000))}
        subscription = await self._log.subscribe_core(inbox, take)
        try:
            await self._log.publish_core(wire.each_of(call, role), wire.encode(call), headers=headers, reply=inbox)
            async with asyncio.timeout(deadline_seconds):
                await first.wait()
                await asyncio.sleep(window_seconds)
        except (LogUnavailable, TimeoutError):
            pass  # what has come until now is the answer
        finally:
            await subscription.close()
        return list(_replies(role, answers, reply_type))


def _replies(role: str, answers: list[CoreMessage], reply_type: type[R]) -> Iterator[R]:
    for answer in answers:
        try:
            yield _reply(role, [answer], reply_type)
        except CallError as error:
            logger.info("One of several answers is left out.", asked=role, reason=str(error))


class _Collected:
    """The parts of an answer as they come: how much there is, and who took the call."""

    def __init__(self, role: str) -> None:
        self.role = role
        self.taken_by = ""
        self._size = 0

    def is_last(self, part: CoreMessage) -> bool:
        """Raises CallFailed."""
        headers = part.headers or {}
        if _is_taken(part):
            self.taken_by = headers[wire.TAKEN]
            return False
        self._size += len(part.data)
        if self._size > wire.LARGEST_REPLY:
            raise CallFailed("too_large", f"the answer is above {wire.LARGEST_REPLY} bytes", self.role)
        return wire.LAST in headers


def _is_taken(part: CoreMessage) -> bool:
    return wire.TAKEN in (part.headers or {})


def _reply(role: str, answers: list[CoreMessage], reply_type: type[R]) -> R:
    headers = answers[-1].headers or {}
    if wire.LAST not in headers:  # the server's own answer: no responders
        raise RoleDown(role)
    body = b"".join(part.data for part in answers)
    if (code := headers.get(wire.ERROR_CODE)) is not None:
        raise CallFailed(code, body.decode(errors="replace"), role)
    if int(headers[wire.LAST]) != len(answers):
        raise CallTimedOut(role, f"{role} answered, but a part of the answer was lost")
    try:
        reply: Any = wire.decode(body, reply_type)
    except msgspec.MsgspecError as error:
        raise CallFailed("bad_reply", f"the answer of {role} cannot be read: {error}", role) from error
    found: R = reply
    return found
