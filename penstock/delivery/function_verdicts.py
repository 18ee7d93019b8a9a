"""What all runs of functions in delivery share: which handler, for how long, and what an outcome means for an event."""

from collections.abc import Sequence
from typing import Any

import msgspec

from penstock.delivery.attempt import Attempt, Fate, Signal, Verdict
from penstock.functions.outcome import Consequence, Outcome
from penstock.spec.delivery import RESPONSE_LIMIT
from penstock.spec.outcome import DestinationReason

RUN_SECONDS = 5.0
SIGNALS = {
    "retry": Signal.FAILING,
    "gateway_timeout": Signal.FAILING,
    "too_many_requests": Signal.THROTTLED,
    "internal": Signal.FAILING,
}
"""What cannot be started, or is held back, is as good as a destination that is down: its events wait unread."""


class _Typed(msgspec.Struct):
    """An inserted function may have returned anything."""

    type: Any = None


class _Shown(msgspec.Struct):
    """What quarantine shows of a run."""

    message: str
    stack: str
    log: str


class _Identified(msgspec.Struct, rename="camel"):
    message_id: str = ""


_identified = msgspec.json.Decoder(_Identified).decode
_rows_of = msgspec.json.Decoder(list[msgspec.Raw]).decode
_type_of = msgspec.json.Decoder(_Typed).decode


def handler_of(body: bytes) -> str:
    return f"on{str(_type_of(body).type).capitalize()}"


def patience_of(attempt: Attempt) -> float:
    """What the attempt's limit leaves for waiting."""
    return max(0.1, attempt.seconds_limit - RUN_SECONDS)


def stopped(outcome: Outcome) -> Verdict | None:
    """How an event ends at an inserted function; None where it goes on."""
    match outcome.consequence:
        case Consequence.DONE if outcome.value.startswith(b"{"):
            return None
        case Consequence.DONE if outcome.value == b"null":
            return Verdict(Fate.FILTERED, Signal.SILENT, DestinationReason.FILTERED_AT_INSERT_FUNCTION)
        case Consequence.DONE:
            message = Outcome(message="the function returned something else than an event")
            return Verdict(Fate.FILTERED, Signal.SILENT, "bad_request", response=shown(message))
        case Consequence.DROPPED:
            return Verdict(Fate.FILTERED, Signal.SILENT, outcome.code)
        case Consequence.RETRIED:
            # Where the function cannot run, nothing gets through to the destination behind it.
            signal = Signal.FAILING if outcome.code == "internal" else Signal.SILENT
            return Verdict(Fate.RETRYABLE, signal, outcome.code, response=shown(outcome))
        case _:
            return Verdict(Fate.FILTERED, Signal.SILENT, outcome.code, response=shown(outcome))


def returned_by_batch(outcome: Outcome, events: Sequence[bytes]) -> list[Outcome]:
    """What an insert function's batch handler returned of each event (functions.md §3.2).

    They pair by their place where they are as many, by message id else; an event that did not come back is dropped.
    """
    if outcome.consequence is not Consequence.DONE:
        return [outcome] * len(events)
    try:
        rows = _rows_of(outcome.value)
    except msgspec.MsgspecError:
        refused = Outcome(Consequence.REFUSED, "bad_request", "the batch handler returned no array")
        return [refused] * len(events)
    if len(rows) == len(events):
        return [Outcome(value=bytes(row)) for row in rows]
    found = {identifier: bytes(row) for row in rows if (identifier := _id_in(row))}
    return [Outcome(value=found.get(_id_in(event), b"null")) for event in events]


def _id_in(text: bytes | msgspec.Raw) -> str:
    """The message id of an event; empty where it has none, or is none."""
    try:
        return _identified(text).message_id
    except msgspec.MsgspecError:
        return ""


def unknown() -> Verdict:
    """Its snapshot comes after the destination's, or was lost: it is tried again."""
    message = Outcome(message="the function is not known here yet")
    return Verdict(Fate.RETRYABLE, Signal.SILENT, DestinationReason.INTERNAL, response=shown(message))


def shown(outcome: Outcome) -> bytes:
    shown = _Shown(outcome.message[:500], outcome.stack[:700], "\n".join(outcome.logs)[:500])
    return msgspec.json.encode(shown)[:RESPONSE_LIMIT]
