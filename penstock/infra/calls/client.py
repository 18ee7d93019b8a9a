"""The asking side: one question, one deadline, no retries."""

from collections.abc import Callable
from typing import Any, TypeVar

import msgspec

from penstock.infra.calls import wire
from penstock.infra.calls.errors import CallFailed, CallTimedOut, RoleDown
from penstock.infra.log import CoreMessage, Log, LogUnavailable
from penstock.spec.calls import Call

R = TypeVar("R")


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
        if not self._log.is_connected:
            raise RoleDown(asked, "the log engine is not connected")
        headers = {wire.DEADLINE: str(round(deadline_seconds * 1000))} | ({wire.KEY: key} if key else {})
        try:
            answers = await self._log.request_core(
                wire.subject_of(call, asked),
                wire.encode(call),
                headers=headers,
                is_last=_until_complete(asked),
                seconds=deadline_seconds,
            )
        except LogUnavailable as error:
            raise CallTimedOut(asked, f"{asked} did not answer `{call.VERB}`: {error}") from error
        return _reply(asked, answers, reply_type)


def _until_complete(role: str) -> Callable[[CoreMessage], bool]:
    size = 0

    def is_last(part: CoreMessage) -> bool:
        nonlocal size
        size += len(part.data)
        if size > wire.LARGEST_REPLY:
            raise CallFailed("too_large", f"the answer is above {wire.LARGEST_REPLY} bytes", role)
        return wire.LAST in (part.headers or {})

    return is_last


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
