"""The way of a deletion to a destination: through the functions that its events pass, where they have an `onDelete`.

Invariants:
- The order is that of events: the function of the source, then the one that is inserted before the destination. What
  one returns is what the next is told, so that who changes ids of events changes those of deletions too.
- A function without the handler changes nothing: a deletion is not lost to one that cares for events alone. It is told
  of, for whether it changes ids of events nobody can see.
- What does not return the deletion ends it for good, as it ends an event; that is told as a refusal.
- What a function says itself is not passed on, for it may name the person: of its errors the code is told.
"""

import msgspec
import structlog

from penstock.delivery.function_verdicts import RUN_SECONDS, stopped
from penstock.delivery.functions import FunctionView, Opener, settings_of
from penstock.functions.instance import Program, Work
from penstock.functions.outcome import Consequence, Outcome
from penstock.functions.pool import FunctionPool
from penstock.spec.laps import INSERT_SOURCE
from penstock.spec.snapshot import DestinationSnapshot, FunctionSnapshot

logger = structlog.get_logger(__name__)

HANDLER = "onDelete"
PATIENCE_SECONDS = 30.0
_INVALID_SETTINGS = "invalid_settings"
_OUR_WORDS = frozenset({_INVALID_SETTINGS, "gateway_timeout", "too_many_requests"})
"""Codes whose message is ours, whatever the function does."""


class Ended(msgspec.Struct, frozen=True):
    """How one call ended: taken, refused for good (`error`), or to be asked again.

    `error` is kept in the receipt, for longer than the person: it holds codes and words of ours alone.
    """

    error: str = ""
    is_final: bool = True


class Blocked(Exception):  # noqa: N818 - the consequence is in the name
    """A function on the way cannot be asked now; somebody may mend it."""


class Stop(msgspec.Struct, frozen=True):
    """One function on the way."""

    place: str
    program: Program
    settings: bytes
    name: str = ""

    def work(self, body: bytes) -> Work:
        return Work(HANDLER, body, self.settings, RUN_SECONDS, PATIENCE_SECONDS)


class Way(msgspec.Struct, frozen=True):
    """To one destination: what has the handler, and the names of what has not."""

    stops: list[Stop]
    without_handler: list[str]


class DeletionWay:
    """Finds what is on the way, and lets deletions pass it."""

    def __init__(self, functions: FunctionPool, view: FunctionView, sealer: Opener) -> None:
        self._functions = functions
        self._view = view
        self._sealer = sealer

    async def to(self, destination: DestinationSnapshot) -> Way:
        """Raises Blocked."""
        stops = [
            self._stop(each.id, each.function_id, self._opened(each.sealed_settings))
            for each in list(self._view.destinations.values())
            if each.lap == INSERT_SOURCE and each.source_id == destination.source_id and each.enabled
        ]
        if destination.insertion is not None:
            place, insertion = f"{destination.id}/{destination.insertion.function_id}", destination.insertion
            stops.append(self._stop(place, insertion.function_id, self._settings(destination)))
        asked = [stop for stop in stops if await self._has_handler(stop)]
        return Way(asked, [stop.name for stop in stops if stop not in asked])

    async def passed(self, stops: list[Stop], body: bytes) -> bytes | Ended:
        """The deletion as it goes on."""
        for stop in stops:
            outcome = await self._functions.run(stop.place, stop.program, stop.work(body))
            if outcome.consequence is not Consequence.DONE:
                return ended(outcome)
            if (verdict := stopped(outcome)) is not None:
                return Ended(f"{verdict.reason}: the insert function did not return the deletion")
            body = outcome.value
        return body

    def _stop(self, place: str, function_id: str, settings: bytes) -> Stop:
        function = self._view.functions.get(function_id)
        if function is None:
            raise Blocked("the insert function is not known here yet")
        return Stop(deletion_place(place), deletion_program(function), settings, function.name)

    async def _has_handler(self, stop: Stop) -> bool:
        handlers = await self._functions.handlers(stop.place, stop.program, PATIENCE_SECONDS)
        if not handlers:
            raise Blocked("the insert function cannot be loaded now")
        return HANDLER in handlers

    def _opened(self, sealed: bytes) -> bytes:
        try:
            return self._sealer.open(sealed)
        except Exception as error:  # whatever is wrong with them, others go on
            logger.exception("Settings of an insert function cannot be opened.")
            raise Blocked("the settings of the insert function cannot be opened") from error

    def _settings(self, destination: DestinationSnapshot) -> bytes:
        assert destination.insertion is not None  # noqa: S101 - its caller has looked
        try:
            return settings_of(destination.insertion, self._sealer)
        except Exception as error:
            logger.exception("Settings of an insert function cannot be opened.", destination=destination.id)
            raise Blocked("the settings of the insert function cannot be opened") from error


def deletion_program(function: FunctionSnapshot) -> Program:
    """Without what its log is kept by: it would tell of the person after all other lines are dropped."""
    return Program(function.kind, function.code, required=function.required, deployed_at=function.deployed_at)


def deletion_place(place: str) -> str:
    """Of its own, for another program would take over from the one that serves events."""
    return f"{place}/{HANDLER}"


def ended(outcome: Outcome) -> Ended:
    """Of a handler that did not go well; settings that are lacking may be mended."""
    if outcome.consequence is Consequence.DONE:
        return Ended()
    is_final = outcome.consequence is not Consequence.RETRIED and outcome.code != _INVALID_SETTINGS
    return Ended(f"{outcome.code}: {outcome.message}" if outcome.code in _OUR_WORDS else outcome.code, is_final)
