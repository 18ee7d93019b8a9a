"""Destination filters, compiled: what a destination gets of an event, if anything (transformations-and-filters.md §3).

Invariants:
- All SAMPLE come first, then all DROP, DROP_PROPERTIES and ALLOW_PROPERTIES; within one kind as the filters were made.
  A filter's condition is judged when its first action is up, on what the actions before it left.
- Whatever cannot be judged drops the event: a filter that keeps personal data back must not leak it by failing.
- `type` and `messageId` stay, whatever a filter says: without them an event is none.
"""

import hashlib
import json
from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from penstock.spec.edits.kinds import ByKind
from penstock.spec.edits.paths import Edit, Keys, PathError, edited, split_path, value_at
from penstock.spec.fql import UNANSWERED, Condition, FqlSyntaxError, compile_condition
from penstock.spec.snapshot import DestinationFilterSnapshot, FilterAction, FilterActionSnapshot

JsonObject = dict[str, Any]
Effect = Callable[[JsonObject, str], JsonObject | None]
"""(event, message id) to the event that goes on, or None where it is dropped."""
_ORDER = list(FilterAction)
_NO_ANSWER = compile_condition("!'no answer'")
"""The condition of a filter that cannot be compiled."""
_LASTING = frozenset({"type", "messageId"})
_BEYOND_A_FLOAT = 11
"""Of 64 bits a float keeps 53; to round the others up would make the largest fraction 1."""
_WHOLE = float(1 << 53)


class Filtered(msgspec.Struct, frozen=True):
    """What came of an event. `unjudged` is the filter that dropped it because its condition had no answer."""

    event: JsonObject | None
    unjudged: str = ""


class _Step(msgspec.Struct, frozen=True):
    """One action. `is_judged_once`: it is not the only one of its filter."""

    filter_id: str
    condition: Condition
    effect: Effect
    is_judged_once: bool = False
    renames: bool = False


class Filters:
    """All enabled filters of one destination. `broken` tells of those that cannot be compiled, by id."""

    def __init__(self, filters: Sequence[DestinationFilterSnapshot]) -> None:
        self.broken: dict[str, str] = {}
        steps: list[tuple[int, _Step]] = []
        for each in filters:
            steps += self._steps_of(each)
        self._steps = ByKind([step for _, step in sorted(steps, key=lambda ranked: ranked[0])])

    def __bool__(self) -> bool:
        return bool(self._steps)

    def apply(self, event: JsonObject, message_id: str) -> Filtered:
        """The event that goes on, which is `event` itself where nothing was taken out of it."""
        judged: dict[str, bool] = {}
        is_met: bool | None
        for meets, step in self._steps.may_act_on(event.get("type"), event.get("event")):
            try:
                if meets is None:
                    is_met = True
                elif not step.is_judged_once:
                    is_met = meets(event) is True
                elif (is_met := judged.get(step.filter_id)) is None:
                    is_met = judged[step.filter_id] = meets(event) is True
            except UNANSWERED:
                return Filtered(None, step.filter_id)
            if is_met:
                left = step.effect(event, message_id)
                if left is None:
                    return Filtered(None)
                event = left
        return Filtered(event)

    def _steps_of(self, snapshot: DestinationFilterSnapshot) -> list[tuple[int, _Step]]:
        try:
            condition, is_judged_once = compile_condition(snapshot.condition), len(snapshot.actions) > 1
            return [
                (
                    _ORDER.index(FilterAction(action.type)),
                    _Step(snapshot.id, condition, _effect_of(action, snapshot.id), is_judged_once, "" in action.fields),
                )
                for action in snapshot.actions
            ]
        except (FqlSyntaxError, PathError, ValueError) as error:
            self.broken[snapshot.id] = str(error)
            return [(0, _Step(snapshot.id, _NO_ANSWER, _drop))]


def _effect_of(action: FilterActionSnapshot, filter_id: str) -> Effect:
    """Raises PathError, ValueError for a type that is not known."""
    match FilterAction(action.type):
        case FilterAction.SAMPLE:
            return _sample(action.percent, split_path(action.path), filter_id)
        case FilterAction.DROP:
            return _drop
        case FilterAction.DROP_PROPERTIES:
            return _on_objects(action.fields, _without)
        case FilterAction.ALLOW_PROPERTIES:
            return _on_objects(action.fields, _with_only)


def _drop(event: JsonObject, message_id: str) -> None:
    del event, message_id


def _sample(percent: float, keys: Keys, filter_id: str) -> Effect:
    """By the value at a path: the same value, the same decision. Without one: by the event, each its own draw.

    The draw comes from the message id, so that an event that is judged again after a kill has the same fate.
    """

    def sample(event: JsonObject, message_id: str) -> JsonObject | None:
        value = value_at(event, keys) if keys else [filter_id, message_id]
        return event if sample_fraction(value) < percent else None

    return sample


def sample_fraction(value: Any) -> float:
    """A number in [0, 1) that belongs to the value: the first digits of the MD5 of its JSON."""
    text = json.dumps(value, separators=(",", ":"), ensure_ascii=False)
    digest = hashlib.md5(text.encode("utf-8", "surrogatepass"), usedforsecurity=False).digest()
    return (int.from_bytes(digest[:8]) >> _BEYOND_A_FLOAT) / _WHOLE


def _on_objects(fields: dict[str, list[str]], edit_for: Callable[[frozenset[str], bool], Edit]) -> Effect:
    edits: list[tuple[Keys, Edit]] = []
    for path, names in fields.items():
        keys = split_path(path)
        edits.append((keys, edit_for(frozenset(names), not keys)))

    def edit(event: JsonObject, _: str) -> JsonObject:
        for keys, change in edits:
            event = edited(event, keys, change)
        return event

    return edit


def _without(names: frozenset[str], is_top: bool) -> Edit:
    removed = names - _LASTING if is_top else names

    def without(found: JsonObject) -> JsonObject:
        if removed.isdisjoint(found):
            return found
        left = found.copy()
        for name in removed:
            left.pop(name, None)
        return left

    return without


def _with_only(names: frozenset[str], is_top: bool) -> Edit:
    allowed = names | _LASTING if is_top else names

    def with_only(found: JsonObject) -> JsonObject:
        if allowed.issuperset(found):
            return found
        return {key: value for key, value in found.items() if key in allowed}

    return with_only
