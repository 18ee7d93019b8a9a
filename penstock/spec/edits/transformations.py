"""Transformations, compiled: an event as the stages behind them see it (transformations-and-filters.md §2).

Invariants:
- Within one transformation all reads are of the event as it was before, so that a swap of two names works. The order:
  drop, new event name, renames and values, expressions, allowed properties, hashes.
- Several act in the order of their making, each on what the one before it left.
- A transformation whose condition has no answer does not act; who applies it is told.
"""

from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from penstock.spec.edits.hashing import hasher
from penstock.spec.edits.kinds import ByKind
from penstock.spec.edits.operations import Operation, computing, hashing, keeping, naming, renaming, setting
from penstock.spec.edits.paths import Keys, PathError, split_path
from penstock.spec.event import HOLDERS
from penstock.spec.fql import (
    UNANSWERED,
    Condition,
    FqlSyntaxError,
    compile_condition,
    compile_expression,
)
from penstock.spec.snapshot import TransformationSnapshot

JsonObject = dict[str, Any]
_IDS = {"type", "messageId", "userId", "anonymousId", "groupId", "previousId"}
_TIMES = {"timestamp", "originalTimestamp", "sentAt", "receivedAt"}
LASTING = frozenset(_IDS | _TIMES)
"""What makes an event this event: no transformation writes here."""
_WHERE = frozenset({"type", "event", *HOLDERS.values()})
"""Where names without a prefix stand, and by what that is told."""
Open = Callable[[bytes], bytes]
"""Opens a sealed key. Raises ValueError."""


def no_key(_: bytes) -> bytes:
    """Where nobody has the key that opens keys."""
    raise ValueError("has a sealed key, which cannot be opened here")


class Transformed(msgspec.Struct, frozen=True):
    """What came of an event: None where it is dropped. `unjudged` are the transformations that could not act."""

    event: JsonObject | None
    unjudged: tuple[str, ...] = ()


class _Compiled(msgspec.Struct, frozen=True):
    id: str
    names: frozenset[str]
    condition: Condition
    drops: bool
    operations: list[Operation]
    renames: bool


class Transformations:
    """All enabled transformations of one scope. `broken` tells of those that cannot be compiled and do not act."""

    def __init__(self, transformations: Sequence[TransformationSnapshot], open_key: Open = no_key) -> None:
        self.broken: dict[str, str] = {}
        compiled: list[_Compiled] = []
        for each in transformations:
            try:
                compiled.append(_compile(each, open_key))
            except (FqlSyntaxError, PathError, ValueError) as error:
                self.broken[each.id] = str(error)
        self.names: frozenset[str] = frozenset().union(*(each.names for each in compiled))
        """Names at the top of an event that any of them looks at or writes."""
        self._compiled = ByKind(compiled)

    def __bool__(self) -> bool:
        return bool(self._compiled)

    def may_act_on(self, event_type: Any, name: Any) -> bool:
        """Whether any of them may drop or change an event with this `type` and this `event`."""
        return bool(self._compiled.may_act_on(event_type, name))

    def apply(self, event: JsonObject) -> Transformed:
        """The event that goes on, which is `event` itself where nothing changed."""
        unjudged: tuple[str, ...] = ()
        for meets, each in self._compiled.may_act_on(event.get("type"), event.get("event")):
            try:
                if meets is not None and meets(event) is not True:
                    continue
            except UNANSWERED:
                unjudged = (*unjudged, each.id)
                continue
            if each.drops:
                return Transformed(None, unjudged)
            before = event
            for operation in each.operations:
                event = operation(before, event)
        return Transformed(event, unjudged)


def _compile(snapshot: TransformationSnapshot, open_key: Open) -> _Compiled:
    """Raises FqlSyntaxError, PathError, ValueError for a hash that is not known and a key that cannot be opened."""
    condition = compile_condition(snapshot.condition)
    operations: list[Operation] = []
    if snapshot.new_event_name:
        operations.append(naming(snapshot.new_event_name))
    if snapshot.renames:
        operations.append(renaming([(split_path(old), split_path(new)) for old, new in snapshot.renames]))
    operations += [setting(_writable(path), value) for path, value in snapshot.values]
    expressions = [(_writable(path), compile_expression(fql)) for path, fql in snapshot.expressions]
    operations += [computing(keys, expression) for keys, expression in expressions]
    if snapshot.allowed is not None:
        operations.append(keeping([split_path(name) for name in snapshot.allowed]))
    if snapshot.hashed is not None:
        sealed = snapshot.hashed.sealed_key
        digest = hasher(snapshot.hashed, open_key(sealed) if sealed else b"")
        operations += [hashing(_writable(path), digest) for path in snapshot.hashed.paths]
    names = condition.names.union(_WHERE, *(expression.names for _, expression in expressions))
    written = [path for path, _ in snapshot.values] + [path for path, _ in snapshot.expressions]
    written += snapshot.hashed.paths if snapshot.hashed else []
    tops = {split_path(path)[0] for path in written}
    renames = bool(snapshot.new_event_name) or "event" in tops
    return _Compiled(snapshot.id, names | tops, condition, snapshot.drop, operations, renames)


def _writable(path: str) -> Keys:
    """Raises PathError."""
    keys = split_path(path)
    if not keys:
        raise PathError("names the event itself")
    if len(keys) == 1 and keys[0] in LASTING:
        raise PathError(f"names {keys[0]}, which no transformation changes")
    return keys
