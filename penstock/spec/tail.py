"""The live view: one line for each step that an event has passed, while somebody watches.

Lines tell what happened, not what is settled: after a kill a step may be told again. They carry ids and outcomes, never
the content of an event, nor any setting of a destination; what functions print may hold both, and is told where it is
asked for, which is another right.
"""

from collections.abc import Iterable
from enum import StrEnum
from typing import Any, ClassVar, Protocol

import msgspec

from penstock.spec.calls import Stream
from penstock.spec.outcome import Outcome

TEXT_LIMIT = 255
"""Characters of an id or a name that a line shows, and by which it is found."""
NAME_LIMIT = 100
"""Of an event's name, as delivery counts it."""


class TailStep(StrEnum):
    """Where an event has come to."""

    RECEIVED = "received"
    """It stands in the log: the edge has answered for it."""
    PIPELINE = "pipeline"
    DESTINATION = "destination"
    WAREHOUSE = "warehouse"
    FUNCTION = "function"
    """It has printed a line."""


class TailLine(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """One step of one event."""

    step: TailStep
    time: str
    """When it was received, or when the step ended."""
    workspace_id: str
    """Empty for an event whose write key nobody knows."""
    source_id: str
    """Empty for what a function printed."""
    source: str = ""
    """The slug, where the step knows it."""
    message_id: str = ""
    event_type: str = ""
    event_name: str = ""
    user_id: str = ""
    anonymous_id: str = ""
    outcome: str = ""
    """A value of `spec.outcome.Outcome`; empty where the event was received and not yet judged."""
    reason: str = ""
    destination_id: str = ""
    destination: str = ""
    """The name."""
    subscription_id: str = ""
    attempt: int = 0
    """Which try it was."""
    status: int = 0
    """What the destination answered."""
    warehouse_id: str = ""
    function_id: str = ""
    level: str = ""
    text: str = ""
    """What it printed, as `spec.function_logs.LogLine` has it."""
    count: int = 1
    """How many events the line tells of: those that the edge left out of a batch have no ids."""


class TailEvents(Stream, frozen=True):
    """What a tail wants to see. What is empty does not filter."""

    VERB: ClassVar[str] = "tail"
    workspace_id: str = ""
    source_ids: list[str] = []  # noqa: RUF012 - a struct gives each its own
    event: str = ""
    """An event's name, or its type."""
    user: str = ""
    """A user id or an anonymous id."""
    outcome: str = ""
    has_logs: bool = False
    """Whether also what functions print is wanted."""

    def admits(self, item: Any) -> bool:
        line: TailLine = item
        return (
            (self.has_logs or line.step is not TailStep.FUNCTION)
            and (not self.workspace_id or self.workspace_id == line.workspace_id)
            and (not self.source_ids or line.source_id in self.source_ids)
            and (not self.event or self.event[:NAME_LIMIT] in (line.event_name, line.event_type))
            and (not self.user or self.user[:TEXT_LIMIT] in (line.user_id, line.anonymous_id))
            and (not self.outcome or self.outcome == line.outcome)
        )


class Tap(Protocol):
    """Where a stage hands its lines. Nothing is made for it while it is closed."""

    @property
    def is_open(self) -> bool: ...

    def offer(self, lines: Iterable[TailLine], /) -> None:
        """Never waits: what does not fit is lost and counted."""
        ...


class ClosedTap:
    """Of parts that nobody can watch."""

    is_open = False

    def offer(self, _: Iterable[TailLine], /) -> None:
        return


CLOSED = ClosedTap()


def shown(text: Any, limit: int = TEXT_LIMIT) -> str:
    """An id or a name as a line shows it; empty for what is no text."""
    return text[:limit] if isinstance(text, str) else ""


def outcome_named(text: str) -> Outcome | None:
    """The outcome of that name, as the Delivery Overview spells it or as we do (`delivered`), in any case."""
    name = text.upper().replace("-", "_")
    return Outcome.__members__.get(name) or next((one for one in Outcome if one.value == name), None)
