"""The second lap: what a function of a source takes out of ROUTED and gives back to the pipeline (architecture §2.2).

A request to a source function is one row of ROUTED. What the function makes of it is first-hand: each message has an id
derived from the request's, so that a run repeated after a kill makes the same ones. What a source insert function
returns keeps its id, and claims it anew under the name of the lap.
"""

import msgspec

from penstock.kit.ids import derived_id

SOURCE = "SOURCE"
INSERT_SOURCE = "INSERT_SOURCE"
LAP = "functions"
"""Of frames whose events have passed the source insert function: stage 6 is left out, and nothing is counted twice."""
REPLAY, REPLAY_BEFORE_LAP = "replay-", "replay-before-lap-"
"""What laps of replays begin with: the second one where no function has had the events, so that stage 6 is theirs."""
ATTEMPTS = 6
"""Of a run that asks to be tried again or takes too long; then it has failed (functions.md §2.4)."""
RETRY_ERROR, FUNCTION_TIMEOUT = "RETRY_ERROR", "FUNCTION_TIMEOUT"
"""Why a source function is tried again, as it is spelled at ingest."""
_FIRST_RUNG, _LAST_RUNG = 2, 5


class FunctionRequest(msgspec.Struct, rename="camel"):
    """A request to a source function, as its handler gets it."""

    message_id: str
    received_at: str
    """ISO 8601, like an event's."""
    url: str
    headers: list[tuple[str, str]]
    body: str
    is_form: bool


def is_repeated(lap: str) -> bool:
    """Whether a replay brings its events, which were accepted before."""
    return lap not in {"", LAP}


def is_before_lap(lap: str) -> bool:
    """Whether no source insert function has had the events of such a frame yet."""
    return not lap or lap.startswith(REPLAY_BEFORE_LAP)


def id_of_made(request_id: str, number: int) -> str:
    """Of message `number` that a source function makes of a request, where its code gives none."""
    return f"fn-{derived_id(request_id, str(number))}"


def rung_of_source(attempts: int) -> int:
    """Where a source function waits whose run number `attempts` asks to be tried again: 2, 4, 8, 16 and 16 minutes."""
    return min(_FIRST_RUNG + attempts - 1, _LAST_RUNG)
