"""Steps by the kinds of events that they may be for: a condition mostly names one type or one event, and need not be
asked of any other. What comes out is what asking all of them would give.
"""

from collections.abc import Callable, Sequence
from typing import Any, Generic, Protocol, TypeVar

from penstock.spec.fql import Condition

JsonObject = dict[str, Any]
KINDS_LIMIT = 512
"""That are remembered at a time: names are the senders'."""
NAME_LIMIT = 255
"""Characters of a name that is remembered: of one event it may have 32 KiB."""


class Conditional(Protocol):
    """Acts where its condition is met. Several that are judged once, by the first of them, share the very condition."""

    @property
    def condition(self) -> Condition: ...

    @property
    def renames(self) -> bool:
        """Whether it may change `event`. Nothing changes `type`."""
        ...


Step = TypeVar("Step", bound=Conditional)
Asked = Sequence[tuple[Callable[[JsonObject], Any] | None, Step]]
"""Steps in their order, each with what to ask of an event when its turn comes, if anything: only `true` is a yes. It
raises UNANSWERED.
"""


class ByKind(Generic[Step]):
    """All steps of one scope, in their order."""

    def __init__(self, steps: Sequence[Step]) -> None:
        self._steps = steps
        self._all: Asked[Step] = [(step.condition.evaluate, step) for step in steps]
        self._known: dict[tuple[str, str | None], Asked[Step]] = {}

    def __bool__(self) -> bool:
        return bool(self._steps)

    def may_act_on(self, event_type: Any, name: Any) -> Asked[Step]:
        """The steps that may act on an event with this `type` and this `event`, None where it has none."""
        try:
            return self._known[event_type, name]
        except (KeyError, TypeError):
            return self._learned(event_type, name)

    def _learned(self, event_type: Any, name: Any) -> Asked[Step]:
        if type(event_type) is not str or (name is not None and type(name) is not str):
            # Of anything else one value may be found for another that is equal to it, as `true` is to 1.
            return self._all
        if name is not None and len(name) > NAME_LIMIT:
            return self._of_kind(event_type, name)
        if len(self._known) >= KINDS_LIMIT:
            self._known.clear()
        found = self._known[event_type, name] = self._of_kind(event_type, name)
        return found

    def _of_kind(self, event_type: str, name: str | None) -> Asked[Step]:
        known: dict[str, Any] = {"type": event_type, "event": name}
        settled: dict[int, bool | None] = {}
        asked: list[tuple[Callable[[JsonObject], Any] | None, Step]] = []
        for step in self._steps:
            is_met = settled.setdefault(id(step.condition), step.condition.settled(known))
            if is_met is False:
                continue
            asked.append((None if is_met else step.condition.evaluate, step))
            if step.renames:
                # From here on it may be called otherwise.
                known.pop("event", None)
        return asked
