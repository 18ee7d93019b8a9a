"""Which events may stand in one batch: how many a mapping wants, and by which of its fields they are kept apart.

`batch_keys` names fields of the mapping that must have one value in a batch, as two addresses must not be mixed. Only
the official code resolves a mapping, so here are told apart: fields that are the same for every event, plain paths
into the event, and all else, for which every event is a batch of its own.
"""

import re
from typing import Any

import msgspec

EVENTS_LIMIT = 1_000
_BYTES = 4_000_000
_PATH = re.compile(r"\$\.[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)*")
Path = tuple[str, ...]


class BatchRule(msgspec.Struct, frozen=True):
    """How the mapping wants its events grouped. `paths` lead to the values that are one in a batch."""

    size: int
    bytes: int
    paths: tuple[Path, ...] = ()


class _Mapping(msgspec.Struct):
    enable_batching: bool | None = None
    batch_size: float | None = None
    batch_bytes: float | None = None
    batch_keys: Any = None


def rule_of(mapping: bytes) -> BatchRule | None:
    """None where the mapping wants no batches."""
    try:
        wanted = msgspec.json.decode(mapping or b"{}", type=_Mapping, strict=False)
    except msgspec.MsgspecError:
        return None
    if not wanted.enable_batching:
        return None
    size = max(1, min(int(wanted.batch_size or EVENTS_LIMIT), EVENTS_LIMIT))
    paths = _paths_of(msgspec.json.decode(mapping), wanted.batch_keys)
    return BatchRule(size if paths is not None else 1, max(1, int(wanted.batch_bytes or _BYTES)), paths or ())


def group_of(rule: BatchRule | None, body: bytes) -> bytes:
    """What events of one batch share; empty where nothing keeps them apart."""
    if rule is None or not rule.paths:
        return b""
    event = msgspec.json.decode(body)
    return msgspec.json.encode([_value_at(event, path) for path in rule.paths])


def _paths_of(mapping: dict[str, Any], keys: Any) -> tuple[Path, ...] | None:
    """The paths that the keys lead to; None where the official code alone can tell."""
    if keys is None:
        return ()
    if not isinstance(keys, list):
        return None
    paths: list[Path] = []
    for key in keys:
        value = mapping.get(key) if isinstance(key, str) else None
        if not _has_directive(value):
            continue
        path = value.get("@path") if isinstance(value, dict) and len(value) == 1 else None
        if not isinstance(path, str) or _PATH.fullmatch(path) is None:
            return None
        paths.append(tuple(path.split(".")[1:]))
    return tuple(paths)


def _has_directive(value: Any) -> bool:
    if isinstance(value, dict):
        return any(name.startswith("@") or _has_directive(inner) for name, inner in value.items())
    return isinstance(value, list) and any(map(_has_directive, value))


def _value_at(event: Any, path: Path) -> Any:
    for name in path:
        event = event.get(name) if isinstance(event, dict) else None
    return event
