"""Paths into events as filters and transformations write them: keys joined by dots, a backslash makes one literal.

An edit never changes what it is given: what lies on the way is copied, all else is shared, and where nothing changes
the answer is the value itself. So one decoded event serves all destinations.

Errors:
    PathError    the text is no path, with the reason
"""

import re
from collections.abc import Callable
from typing import Any

Keys = tuple[str, ...]
Edit = Callable[[dict[str, Any]], dict[str, Any]]
DEPTH_LIMIT = 32
_PIECE = re.compile(r"((?:[^.\\]|\\.)*)(\.|$)", re.DOTALL)
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)


class PathError(ValueError):
    """Reads after the name of what holds the path."""


def split_path(text: str) -> Keys:
    """The keys; none for the empty path, which is the event itself. Raises PathError."""
    if not text:
        return ()
    keys: list[str] = []
    at, dot = 0, "."
    while dot:
        piece = _PIECE.match(text, at)
        if piece is None:
            raise PathError("ends with a backslash that has nothing to escape")
        keys.append(_ESCAPE.sub(r"\1", piece[1]))
        at, dot = piece.end(), piece[2]
    if "" in keys:
        raise PathError("has a key without a name")
    if "$" in keys:
        raise PathError('enters an array by ".$."; name the array itself, and each object in it is meant')
    if len(keys) > DEPTH_LIMIT:
        raise PathError(f"goes deeper than {DEPTH_LIMIT} levels")
    return tuple(keys)


def value_at(event: dict[str, Any], keys: Keys, default: Any = None) -> Any:
    """What stands there; `default` where nothing does, or where the way leads through something that is no object."""
    value: Any = event
    for key in keys:
        if type(value) is not dict or key not in value:
            return default
        value = value[key]
    return value


def edited(value: Any, keys: Keys, edit: Edit) -> Any:
    """With the object at `keys` edited, or each object of the array that stands there."""
    if not keys:
        return _edited_here(value, edit)
    if type(value) is not dict or keys[0] not in value:
        return value
    inner = value[keys[0]]
    is_here = len(keys) == 1 and type(inner) is dict
    changed = edit(inner) if is_here else edited(inner, keys[1:], edit)
    return value if changed is inner else {**value, keys[0]: changed}


def _edited_here(value: Any, edit: Edit) -> Any:
    if type(value) is dict:
        return edit(value)
    if type(value) is not list:
        return value
    items = [edit(item) if type(item) is dict else item for item in value]
    return value if all(new is old for new, old in zip(items, value, strict=True)) else items


def with_value(value: dict[str, Any], keys: Keys, new: Any, *, made_below: int, depth: int = 0) -> dict[str, Any]:
    """With `new` at `keys`. Of the objects on the way, those may be made that lie at most `made_below` levels below the
    event's own; where another is missing, or something else stands in its place, nothing is written.
    """
    key, rest = keys[0], keys[1:]
    if not rest:
        return {**value, key: new}
    inner = value.get(key, {} if 1 <= depth <= made_below else None)
    if type(inner) is not dict:
        return value
    changed = with_value(inner, rest, new, made_below=made_below, depth=depth + 1)
    return value if changed is inner else {**value, key: changed}


def without(event: dict[str, Any], keys: Keys) -> dict[str, Any]:
    """Without what stands at `keys`."""
    key, rest = keys[0], keys[1:]
    if key not in event:
        return event
    if not rest:
        left = dict(event)
        del left[key]
        return left
    inner = event[key]
    if type(inner) is dict:
        changed: Any = without(inner, rest)
    else:
        changed = _edited_here(inner, lambda found: without(found, rest)) if len(rest) == 1 else inner
    return event if changed is inner else {**event, key: changed}
