"""What a transformation does to an event, one function for each operation (transformations-and-filters.md §2.4).

None changes what it is given: where it has nothing to do, the event itself goes on.
"""

from collections.abc import Callable
from typing import Any, Final

from penstock.spec.edits.paths import DEPTH_LIMIT, Keys, PathError, edited, value_at, with_value, without
from penstock.spec.event import HOLDERS, EventType
from penstock.spec.fql import TYPE_ERROR, Expression

JsonObject = dict[str, Any]
Operation = Callable[[JsonObject, JsonObject], JsonObject]
"""(the event as it was before the transformation, the event as it is by now) to the event that goes on."""
_EXTENSIBLE = frozenset({"context", "properties", "traits"})
_ABSENT: Final = object()
_TRACK = EventType.TRACK.value


def naming(name: str) -> Operation:
    """Another `event`, where it is a track event."""

    def new_name(_: JsonObject, event: JsonObject) -> JsonObject:
        return {**event, "event": name} if event.get("type") == _TRACK else event

    return new_name


def _at(keys: Keys, holder: str) -> Keys:
    """From the event's root: a name stands in what the event's type keeps, unless it says otherwise."""
    return keys if keys[0] in ("properties", "traits") and len(keys) > 1 else (holder, *keys)


def renaming(names: list[tuple[Keys, Keys]]) -> Operation:
    """Moves what stands under the first of each pair to the second. Raises PathError for an empty name."""
    if any(not keys for pair in names for keys in pair):
        raise PathError("names no property")
    ways = {holder: [(_at(old, holder), _at(new, holder)) for old, new in names] for holder in set(HOLDERS.values())}
    # Names beside each other, as they mostly are, are moved in one copy.
    beside = {
        holder: [(old[1], new[1]) for old, new in pairs]
        if all(_is_in(holder, keys) for pair in pairs for keys in pair)
        else []
        for holder, pairs in ways.items()
    }

    def rename(before: JsonObject, event: JsonObject) -> JsonObject:
        holder = HOLDERS.get(event.get("type", ""))
        if holder is None:
            return event
        if beside[holder]:
            # What was done before them, the new name of the event, left the names in it as they were.
            held = event.get(holder)
            if type(held) is not dict or (moved := _moved_beside(held, beside[holder])) is held:
                return event
            changed = event.copy()
            changed[holder] = moved
            return changed
        moves = [
            (old, new, value) for old, new in ways[holder] if (value := value_at(before, old, _ABSENT)) is not _ABSENT
        ]
        for old, _, _ in moves:
            event = without(event, old)
        for old, new, value in moves:
            written = with_value(event, new, value, made_below=DEPTH_LIMIT)
            # Something that is no object stands in the way: a value is better under its old name than nowhere.
            event = with_value(event, old, value, made_below=DEPTH_LIMIT) if written is event else written
        return event

    return rename


def _is_in(holder: str, keys: Keys) -> bool:
    return len(keys) == 2 and keys[0] == holder


def _moved_beside(held: JsonObject, names: list[tuple[str, str]]) -> JsonObject:
    if len(names) == 1:
        ((old, new),) = names
        if old not in held:
            return held
        left = held.copy()
        left[new] = left.pop(old)
        return left
    moves = [(old, new, held[old]) for old, new in names if old in held]
    if not moves:
        return held
    left = held.copy()
    for old, _, _ in moves:
        left.pop(old, None)
    left |= {new: value for _, new, value in moves}
    return left


def _written(event: JsonObject, keys: Keys, value: Any) -> JsonObject:
    # What an event keeps is made where it came without any: to the original it is always there.
    top, written = keys[0], event
    if top not in event and len(keys) > 1 and top == HOLDERS.get(event.get("type", "")):
        written = {**event, top: {}}
    changed = with_value(written, keys, value, made_below=1 if top in _EXTENSIBLE else 0)
    return event if changed is written else changed


def setting(keys: Keys, value: str) -> Operation:
    """Writes `value`."""
    if len(keys) != 2:
        return lambda _, event: _written(event, keys, value)
    first, second = keys

    def set_member(_: JsonObject, event: JsonObject) -> JsonObject:
        held = event.get(first)
        if type(held) is not dict:
            return _written(event, keys, value)
        # To copy and to set is faster than to build anew.
        held, changed = held.copy(), event.copy()
        held[second] = value
        changed[first] = held
        return changed

    return set_member


def computing(keys: Keys, expression: Expression) -> Operation:
    """Writes what `expression` gives for the event as it was before; nothing where it has no answer."""

    def write(before: JsonObject, event: JsonObject) -> JsonObject:
        value = expression.value(before)
        return event if value is TYPE_ERROR else _written(event, keys, value)

    return write


def keeping(names: list[Keys]) -> Operation:
    """Of what the event's type keeps, leaves these alone."""

    def allow(_: JsonObject, event: JsonObject) -> JsonObject:
        holder = HOLDERS.get(event.get("type", ""))
        if holder is None:
            return event
        kept: JsonObject = {}
        for name in names:
            keys = _at(name, holder)
            if keys and keys[0] == holder and (value := value_at(event, keys, _ABSENT)) is not _ABSENT:
                kept = with_value(kept, keys[1:], value, made_below=DEPTH_LIMIT, depth=1)
        # As the keys stood, not as they were listed.
        changed: JsonObject = edited(event, (holder,), lambda found: _in_order(found, kept))
        return changed

    return allow


def _in_order(found: Any, kept: Any) -> Any:
    if type(found) is not dict or type(kept) is not dict:
        return kept
    return {key: _in_order(value, kept[key]) for key, value in found.items() if key in kept}


def hashing(keys: Keys, digest: Callable[[Any], str]) -> Operation:
    """Writes the digest of what stands there, if anything."""

    def hash_value(_: JsonObject, event: JsonObject) -> JsonObject:
        value = value_at(event, keys)
        return event if value is None else with_value(event, keys, digest(value), made_below=0)

    return hash_value
