"""Attempts by functions: destinations that are functions, and stage D9, the function before a destination."""

import asyncio
from collections.abc import Mapping
from typing import Protocol

import msgspec
import structlog

from penstock.delivery.attempt import Attempt, Attempter, Fate, Signal, Verdict, invalid_settings
from penstock.delivery.function_verdicts import (
    RUN_SECONDS,
    SIGNALS,
    handler_of,
    patience_of,
    returned_by_batch,
    shown,
    stopped,
    unknown,
)
from penstock.delivery.laps import Laps, NoLaps
from penstock.delivery.trigger import plain_trigger
from penstock.functions.instance import Program, Work
from penstock.functions.outcome import Consequence, Outcome
from penstock.functions.pool import FunctionPool
from penstock.js.verdict import is_retryable_status
from penstock.spec.delivery import RESPONSE_LIMIT
from penstock.spec.snapshot import DestinationSnapshot, FunctionSnapshot, InsertionSnapshot, SubscriptionSnapshot

logger = structlog.get_logger(__name__)

_ALWAYS = 'type != "nothing"'
_DELIVERY_CODES = {
    "retry": "RETRY",
    "gateway_timeout": "ETIMEDOUT",
    "too_many_requests": "429",
    "internal": "INTERNAL",
    "message_rejected": "MESSAGE_REJECTED",
    "unsupported_event_type": "UNSUPPORTED_EVENT_TYPE",
    "bad_request": "BAD_REQUEST",
    "invalid_settings": "INVALID_SETTINGS",
}
"""Codes of the delivery itself are in capitals; an inserted function's are as functions have them."""


class FunctionView(Protocol):
    """What is read of the snapshots."""

    @property
    def destinations(self) -> Mapping[str, DestinationSnapshot]: ...

    @property
    def functions(self) -> Mapping[str, FunctionSnapshot]: ...


class Opener(Protocol):
    """Opens sealed settings."""

    def open(self, sealed: bytes, /) -> bytes: ...


def program_of(function: FunctionSnapshot) -> Program:
    return Program(
        kind=function.kind,
        code=function.code,
        workspace_id=function.workspace_id,
        function_id=function.id,
        sensitive=function.sensitive,
        required=function.required,
        deployed_at=function.deployed_at,
    )


def settings_of(insertion: InsertionSnapshot, sealer: Opener) -> bytes:
    """All of them, opened, raw JSON."""
    if not insertion.sealed_secrets:
        return insertion.settings
    secret = msgspec.json.decode(sealer.open(insertion.sealed_secrets))
    return msgspec.json.encode(msgspec.json.decode(insertion.settings) | secret)


class _Row(msgspec.Struct):
    """What a batch handler may say of one of its events."""

    status: int = 200
    errormessage: str = ""


_rows_of = msgspec.json.Decoder(list[_Row]).decode


class FunctionAttempter:
    """Runs functions where a destination has some, and leaves the rest to `official`."""

    def __init__(
        self, official: Attempter, pool: FunctionPool, view: FunctionView, sealer: Opener, laps: Laps | None = None
    ) -> None:
        self._official = official
        self._pool = pool
        self._view = view
        self._sealer = sealer
        self._laps = laps or NoLaps()

    async def attempt(self, attempt: Attempt) -> list[Verdict]:
        destination = self._view.destinations.get(attempt.destination_id)
        if destination is None:
            return await self._official.attempt(attempt)
        if destination.lap:
            return await self._laps.attempt(attempt, destination, self._program(destination.function_id))
        if destination.insertion is not None:
            return await self._through(attempt, destination, destination.insertion)
        return await self._onward(attempt, destination)

    async def _onward(self, attempt: Attempt, destination: DestinationSnapshot) -> list[Verdict]:
        if destination.function_id:
            return await self._deliver(attempt, destination.function_id)
        return await self._official.attempt(attempt)

    async def _deliver(self, attempt: Attempt, function_id: str) -> list[Verdict]:
        program = self._program(function_id)
        if program is None:
            return [unknown()] * len(attempt.events)
        place = attempt.destination_id
        if (outcome := await self._run_batch(place, program, attempt, attempt.settings)) is not None:
            return _of_batch(outcome, len(attempt.events))
        outcomes = await self._run_each(place, program, attempt, attempt.settings)
        return [_delivered(outcome) for outcome in outcomes]

    async def _through(
        self, attempt: Attempt, destination: DestinationSnapshot, insertion: InsertionSnapshot
    ) -> list[Verdict]:
        """What the function lets pass goes on as the function returned it."""
        program = self._program(insertion.function_id)
        if program is None:
            return [unknown()] * len(attempt.events)
        try:
            settings = settings_of(insertion, self._sealer)
        except Exception:  # whatever is wrong with them, no other destination is concerned
            logger.exception("Settings of an insert function cannot be opened.", destination=attempt.destination_id)
            return [invalid_settings("the settings of the insert function cannot be opened")] * len(attempt.events)
        place = f"{attempt.destination_id}/{insertion.function_id}"
        if (outcome := await self._run_batch(place, program, attempt, settings)) is not None:
            outcomes = returned_by_batch(outcome, attempt.events)
        else:
            outcomes = await self._run_each(place, program, attempt, settings)
        ended = [stopped(outcome) for outcome in outcomes]
        passed = [outcome.value for outcome, verdict in zip(outcomes, ended, strict=True) if verdict is None]
        if not passed:
            return [verdict for verdict in ended if verdict is not None]
        subscription = _untriggered(attempt.subscription)
        onward = msgspec.structs.replace(attempt, events=passed, subscription=subscription)
        verdicts = iter(await self._onward(onward, destination))
        return [verdict or next(verdicts) for verdict in ended]

    def _program(self, function_id: str) -> Program | None:
        function = self._view.functions.get(function_id)
        if function is None:
            return None
        return program_of(function)

    async def _run_batch(self, place: str, program: Program, attempt: Attempt, settings: bytes) -> Outcome | None:
        """None where there is no batch, or no handler for one."""
        patience = patience_of(attempt)
        if not attempt.is_batch or "onBatch" not in await self._pool.handlers(place, program, patience):
            return None
        events = b"[" + b",".join(attempt.events) + b"]"
        return await self._pool.run(place, program, Work("onBatch", events, settings, RUN_SECONDS, patience))

    async def _run_each(self, place: str, program: Program, attempt: Attempt, settings: bytes) -> list[Outcome]:
        runs = (
            self._pool.run(place, program, Work(handler_of(body), body, settings, RUN_SECONDS, patience_of(attempt)))
            for body in attempt.events
        )
        return await asyncio.gather(*runs)


def _untriggered(subscription: SubscriptionSnapshot) -> SubscriptionSnapshot:
    """A plain trigger has matched before the function changed the event; any other is left to the official code."""
    if plain_trigger(subscription.trigger) is None:
        return subscription
    return msgspec.structs.replace(subscription, trigger=_ALWAYS)


def _delivered(outcome: Outcome) -> Verdict:
    """Of a destination that is a function."""
    if outcome.consequence is Consequence.DONE:
        return Verdict(Fate.DELIVERED, Signal.HEALTHY)
    if outcome.consequence is Consequence.DROPPED:
        return Verdict(Fate.FILTERED, Signal.HEALTHY, outcome.code)
    fate = Fate.RETRYABLE if outcome.consequence is Consequence.RETRIED else Fate.FAILED
    signal = SIGNALS.get(outcome.code, Signal.HEALTHY)
    return Verdict(fate, signal, _DELIVERY_CODES[outcome.code], response=shown(outcome))


def _of_batch(outcome: Outcome, count: int) -> list[Verdict]:
    """Rows count where there are as many as events; without them all are as the handler ended."""
    if outcome.consequence is not Consequence.DONE or not outcome.value.startswith(b"["):
        return [_delivered(outcome)] * count
    try:
        rows = _rows_of(outcome.value)
    except msgspec.MsgspecError:
        rows = []
    return [_of_row(row) for row in rows] if len(rows) == count else [_delivered(outcome)] * count


def _of_row(row: _Row) -> Verdict:
    if row.status < 300:
        return Verdict(Fate.DELIVERED, Signal.HEALTHY, status=row.status)
    is_retried = is_retryable_status(row.status)
    fate, signal = (Fate.RETRYABLE, Signal.FAILING) if is_retried else (Fate.FAILED, Signal.HEALTHY)
    return Verdict(fate, signal, str(row.status), row.status, response=row.errormessage.encode()[:RESPONSE_LIMIT])
