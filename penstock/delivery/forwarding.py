"""Tells destinations of people who are deleted: `onDelete` of the official code or of a function, a call for each.

A destination forgets as often as it is asked to, so that whoever cannot tell whether an answer came asks again.
"""

import asyncio
import re
from collections.abc import Awaitable, Callable, Iterable
from functools import partial

import msgspec
import structlog

from penstock.delivery.deletion_way import (
    HANDLER,
    PATIENCE_SECONDS,
    Blocked,
    DeletionWay,
    Ended,
    Stop,
    deletion_place,
    deletion_program,
    ended,
)
from penstock.delivery.functions import FunctionView, Opener
from penstock.functions.pool import FunctionPool
from penstock.js import Operation, RequestTooLarge, RunnerPool, RunnerRequest, RunnersError, VerdictKind, verdicts
from penstock.js.verdict import Verdict
from penstock.kit.time import format_iso
from penstock.spec.calls import ForwardDeletions, ForwardReport
from penstock.spec.snapshot import DestinationSnapshot

logger = structlog.get_logger(__name__)
AT_ONCE = 10
_WHOLE = frozenset({"INVALID_SETTINGS", "401", "403", "407"})
"""Codes that are about the destination and not about the person: somebody may mend it."""
_code = re.compile(r"[0-9]{3}|[A-Z][A-Z_]{1,39}")


class Forwarding:
    """Answers the control plane."""

    def __init__(
        self, runners: RunnerPool, functions: FunctionPool, view: FunctionView, sealer: Opener, seconds_limit: float
    ) -> None:
        self._runners = runners
        self._functions = functions
        self._view = view
        self._way = DeletionWay(functions, view, sealer)
        self._sealer = sealer
        self._timeout_ms = round(seconds_limit * 1000)

    async def answer(self, call: ForwardDeletions) -> ForwardReport:
        """As many as are taken or refused before the first who is to be asked for again."""
        destination = self._view.destinations.get(call.destination_id)
        if destination is None or not destination.enabled:
            return ForwardReport(error="the destination is switched off, or not there any more")
        try:
            settings = self._sealer.open(destination.sealed_settings)
        except Exception:  # whatever is wrong with them, others go on
            logger.exception("Settings cannot be opened.", destination=destination.id)
            return ForwardReport(error="the settings cannot be opened")
        itself = self._itself(destination, settings)
        if destination.function_id and (reason := await self._lack_of(itself)):
            return reason
        try:
            way = await self._way.to(destination)
        except Blocked as error:
            return ForwardReport(error=str(error))
        report = await self._tell(partial(self._ask, destination, itself or settings, way.stops), call)
        return msgspec.structs.replace(report, without_handler=way.without_handler)

    def _itself(self, destination: DestinationSnapshot, settings: bytes) -> Stop | None:
        """Where it is a function that is known here."""
        function = self._view.functions.get(destination.function_id)
        if function is None:
            return None
        return Stop(deletion_place(destination.id), deletion_program(function), settings)

    async def _lack_of(self, itself: Stop | None) -> ForwardReport | None:
        """Where the destination is a function that cannot be asked."""
        if itself is None:
            return ForwardReport(error="the function is not known here yet")
        handlers = await self._functions.handlers(itself.place, itself.program, PATIENCE_SECONDS)
        if HANDLER in handlers:
            return None
        if not handlers:
            return ForwardReport(error="the function cannot be loaded now")
        return ForwardReport(error=f"the function has no {HANDLER}", is_supported=False)

    async def _tell(self, ask: Callable[[bytes], Awaitable[Ended]], call: ForwardDeletions) -> ForwardReport:
        taken, refused, error = 0, 0, ""
        for first in range(0, len(call.user_ids), AT_ONCE):
            bodies = [_body(user_id, call.timestamp) for user_id in call.user_ids[first : first + AT_ONCE]]
            for each in await asyncio.gather(*map(ask, bodies)):
                if not each.is_final:
                    return ForwardReport(taken, refused, each.error)
                taken, refused, error = taken + (not each.error), refused + bool(each.error), each.error or error
        return ForwardReport(taken, refused, refusal=error)

    async def _ask(
        self, destination: DestinationSnapshot, itself: Stop | bytes, stops: list[Stop], body: bytes
    ) -> Ended:
        """`itself` is the function that the destination is, or the settings of one of official code."""
        passed = await self._way.passed(stops, body)
        if isinstance(passed, Ended):
            return passed
        if isinstance(itself, Stop):
            return ended(await self._functions.run(itself.place, itself.program, itself.work(passed)))
        return await self._ask_official(destination, itself, passed)

    async def _ask_official(self, destination: DestinationSnapshot, settings: bytes, body: bytes) -> Ended:
        request = RunnerRequest(
            operation=Operation.DELETE,
            metadata_id=destination.metadata_id,
            settings=settings,
            events=(body,),
            destination_id=destination.id,
            source_id=destination.source_id,
            timeout_ms=self._timeout_ms,
        )
        try:
            answer = await self._runners.call(request)
        except RequestTooLarge as error:
            return Ended(str(error))
        except RunnersError as error:
            return Ended(str(error), is_final=False)
        return _of_verdict(verdicts(answer, 1))


def _body(user_id: str, timestamp: int) -> bytes:
    """As receivers of forwarded deletions know it."""
    return msgspec.json.encode({"type": "delete", "userId": user_id, "timestamp": format_iso(timestamp)})


def _of_verdict(found: Iterable[Verdict]) -> Ended:
    (verdict,) = found
    if verdict.kind is VerdictKind.DELIVERED:
        return Ended()
    is_final = verdict.kind is not VerdictKind.RETRYABLE and verdict.code not in _WHOLE
    # What the destination says itself may name the person.
    return Ended(verdict.code if _code.fullmatch(verdict.code) else "OTHER", is_final)
