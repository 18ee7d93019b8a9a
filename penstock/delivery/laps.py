"""Functions of a source: what is marked for one is run here, and what it makes is appended for the pipeline to judge.

Invariants:
- An attempt has succeeded when what came of it is durable. One that is repeated after a kill makes the same ids,
  and the pipeline takes each once.
- What one request made stands in one frame, in the order of the calls; what it tells of objects in the log of each
  object, in that order.
"""

from typing import Any, Protocol

import msgspec

from penstock.delivery.attempt import Attempt, Fate, Signal, Verdict
from penstock.delivery.function_verdicts import RUN_SECONDS, SIGNALS, handler_of, patience_of, shown, stopped, unknown
from penstock.delivery.reading.frames import milliseconds
from penstock.functions.instance import Program, Work
from penstock.functions.outcome import Consequence, Outcome
from penstock.functions.pool import FunctionPool
from penstock.spec.event import CLIENT, SINGLE_EVENT_LIMIT
from penstock.spec.laps import FUNCTION_TIMEOUT, LAP, RETRY_ERROR, SOURCE, id_of_made
from penstock.spec.objects import ObjectKey, ObjectRefused, key_of, written
from penstock.spec.snapshot import DestinationSnapshot

_CODES = {"retry": RETRY_ERROR, "gateway_timeout": FUNCTION_TIMEOUT}
"""As they are spelled at ingest (functions.md §2.4); all others are as functions have them."""


class LappedObject(msgspec.Struct, frozen=True):
    """What a source function tells of one object."""

    key: ObjectKey
    message_id: str
    text: bytes
    """As `spec.objects` has it."""


class Lapped(msgspec.Struct, frozen=True):
    """Events of one source that a function has let pass or made, whole JSON texts in order."""

    source_id: str
    received_at: int
    events: list[bytes]
    message_ids: list[str]
    lap: str
    is_client: bool = False
    """Whether a client sent what was let pass."""
    objects: list[LappedObject] = []
    made_ids: list[bool] = []
    """Of `message_ids`, which were made here; empty where none was. Nobody but we can send one of those twice."""


class Appender(Protocol):
    """Whoever appends to ACCEPTED."""

    async def append(self, lapped: Lapped) -> bool:
        """True once the events are durable; False where they are not, or nobody can tell."""
        ...


class Laps(Protocol):
    """Whoever runs the functions of sources."""

    async def attempt(
        self, attempt: Attempt, destination: DestinationSnapshot, program: Program | None
    ) -> list[Verdict]: ...


class NoLaps:
    """Where nothing can be appended."""

    async def attempt(
        self, attempt: Attempt, destination: DestinationSnapshot, program: Program | None
    ) -> list[Verdict]:
        del destination, program
        return [unknown()] * len(attempt.events)


class _Given(msgspec.Struct, rename="camel"):
    """What is read of a request, or of an event."""

    message_id: str
    received_at: str = ""
    channel: Any = None
    """Of an event, as the pipeline has told it."""


_given = msgspec.json.Decoder(_Given).decode
_object = msgspec.json.Decoder(dict[str, Any]).decode


class FunctionLaps:
    """Runs one function for one request, or for one event."""

    def __init__(self, pool: FunctionPool, appender: Appender) -> None:
        self._pool = pool
        self._appender = appender

    async def attempt(
        self, attempt: Attempt, destination: DestinationSnapshot, program: Program | None
    ) -> list[Verdict]:
        if program is None:
            return [unknown()] * len(attempt.events)
        run = self._request if destination.lap == SOURCE else self._event
        return [await run(attempt, program, body) for body in attempt.events]

    async def _request(self, attempt: Attempt, program: Program, body: bytes) -> Verdict:
        outcome = await self._run(attempt, program, "onRequest", body)
        if outcome.consequence is not Consequence.DONE:
            fate = Fate.RETRYABLE if outcome.consequence is Consequence.RETRIED else Fate.FAILED
            code = _CODES.get(outcome.code, outcome.code)
            return Verdict(fate, SIGNALS.get(outcome.code, Signal.HEALTHY), code, response=shown(outcome))
        given = _given(body)
        lapped = Lapped(attempt.source_id, milliseconds(given.received_at), [], [], "", objects=[], made_ids=[])
        for number, text in enumerate(outcome.messages):
            if (refused := _take(lapped, given, number, _object(text))) is not None:
                return refused
        return await self._append(lapped)

    async def _event(self, attempt: Attempt, program: Program, body: bytes) -> Verdict:
        outcome = await self._run(attempt, program, handler_of(body), body)
        if (verdict := stopped(outcome)) is not None:
            # What fails here is the function itself, which has a circuit of its own.
            return msgspec.structs.replace(verdict, signal=SIGNALS.get(outcome.code, Signal.HEALTHY))
        given = _given(body)
        event = _object(outcome.value) | {"messageId": given.message_id}
        text = msgspec.json.encode(event)
        at, is_client = milliseconds(given.received_at), given.channel == CLIENT
        lapped = Lapped(attempt.source_id, at, [text], [given.message_id], LAP, is_client)
        return _refused(text) or await self._append(lapped)

    async def _run(self, attempt: Attempt, program: Program, handler: str, body: bytes) -> Outcome:
        work = Work(handler, body, attempt.settings, RUN_SECONDS, patience_of(attempt))
        return await self._pool.run(attempt.destination_id, program, work)

    async def _append(self, lapped: Lapped) -> Verdict:
        if not (lapped.events or lapped.objects) or await self._appender.append(lapped):
            return Verdict(Fate.DELIVERED, Signal.HEALTHY)
        message = Outcome(message="what the function made could not be stored")
        return Verdict(Fate.RETRYABLE, Signal.SILENT, "internal", response=shown(message))


def _take(lapped: Lapped, given: _Given, number: int, message: dict[str, Any]) -> Verdict | None:
    """Add what call `number` of a run made; why it cannot be taken, and then nothing of its request is."""
    made_id = id_of_made(given.message_id, number)
    if message.get("type") == "set":
        try:
            key = key_of(message)
            lapped.objects.append(LappedObject(key, made_id, written(message, key, made_id, given.received_at)))
        except ObjectRefused as error:
            return _failed("SET_API_FAILED", str(error))
        return None
    own = message.get("messageId")
    identifier = own if isinstance(own, str) and own else made_id
    text = msgspec.json.encode(message | {"messageId": identifier})
    lapped.events.append(text)
    lapped.message_ids.append(identifier)
    lapped.made_ids.append(identifier is made_id)
    return _refused(text)


def _refused(text: bytes) -> Verdict | None:
    """Why an event cannot be taken."""
    if len(text) <= SINGLE_EVENT_LIMIT:
        return None
    return _failed("TRACKING_API_FAILED", f"message is too large: {len(text)} bytes, at most {SINGLE_EVENT_LIMIT}")


def _failed(code: str, reason: str) -> Verdict:
    return Verdict(Fate.FAILED, Signal.HEALTHY, code, response=shown(Outcome(message=reason)))
