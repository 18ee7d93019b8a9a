"""How one run of a function ended: the table of functions.md §3.1, from what was thrown to what follows."""

from collections.abc import Sequence
from enum import StrEnum

import msgspec

from penstock.js.sandbox import Ending, Thrown
from penstock.spec.function_logs import KeptRequest


class Consequence(StrEnum):
    """What follows for the event."""

    DONE = "done"
    RETRIED = "retried"
    REFUSED = "refused"
    """Never again."""
    DROPPED = "dropped"
    """On purpose."""


class Outcome(msgspec.Struct, frozen=True):
    """`code` as insert functions spell it. What was logged and where it broke is for people, and only of failures."""

    consequence: Consequence = Consequence.DONE
    code: str = ""
    message: str = ""
    stack: str = ""
    value: bytes = b"null"
    """What the handler returned, as JSON text."""
    logs: list[str] = []
    messages: list[str] = []
    """JSON text of what a source function sent."""
    requests: list[KeptRequest] = []
    """What a run that failed had asked for, the last ones."""


_BY_NAME = {
    "RetryError": (Consequence.RETRIED, "retry"),
    "InvalidEventPayload": (Consequence.REFUSED, "message_rejected"),
    "ValidationError": (Consequence.REFUSED, "message_rejected"),
    "EventNotSupported": (Consequence.REFUSED, "unsupported_event_type"),
    "DropEvent": (Consequence.DROPPED, "FILTERED_AT_INSERT_FUNCTION"),
}
_ANY_OTHER = (Consequence.REFUSED, "bad_request")


def of_thrown(error: Thrown, logs: list[str]) -> Outcome:
    consequence, code = _BY_NAME.get(error.name, _ANY_OTHER)
    return Outcome(consequence, code, f"{error.name}: {error.message}", error.stack, logs=logs)


def timed_out(seconds: float, logs: list[str]) -> Outcome:
    return Outcome(Consequence.RETRIED, "gateway_timeout", f"the function ran longer than {seconds:g} s", logs=logs)


ENDINGS = {
    Ending.TIMEOUT: "the function held its process for longer than it may",
    Ending.MEMORY: "the function took more memory than it may",
    Ending.PROTOCOL: "the function disturbed its sandbox",
    Ending.BUSY: "the function went on after its end",
    Ending.EXIT: "the function ended its process",
}


def of_ending(ending: Ending, seconds: float, logs: list[str]) -> Outcome:
    """Where the process ended, twice, while it ran this and nothing else."""
    if ending is Ending.TIMEOUT:
        return timed_out(seconds, logs)
    return Outcome(Consequence.REFUSED, "bad_request", ENDINGS[ending], logs=logs)


def incomplete(lacking: Sequence[str]) -> Outcome:
    """Where an instance has not got a setting that the version that runs requires."""
    return Outcome(
        Consequence.REFUSED, "invalid_settings", f"settings that are required are not there: {', '.join(lacking)}"
    )


def no_process(reason: str) -> Outcome:
    """Also of a function that is held back."""
    return Outcome(Consequence.RETRIED, "internal", reason)


def too_many() -> Outcome:
    return Outcome(Consequence.RETRIED, "too_many_requests", "too many invocations wait for the function")
