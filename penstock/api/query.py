"""Reads query strings as all official clients write them: brackets (escaped or not), dots, JSON text, plain names.

`a[b]=1`, `a.b=1` and `a={"b": 1}` all say `{"a": {"b": …}}`. An empty value says that the parameter is absent.
"""

from typing import Any
from urllib.parse import parse_qsl

import msgspec

from penstock.api.errors import InputInvalid

_LIMIT_BYTES = 16 * 1024
_LIMIT_FIELDS = 200


def parse_query(query: bytes) -> dict[str, Any]:
    """Parameters by name; nested ones as dictionaries of text. Raises InputInvalid."""
    if len(query) > _LIMIT_BYTES:
        raise InputInvalid("the query is longer than 16 KiB")
    try:
        pairs = parse_qsl(query.decode("ascii", "replace"), errors="strict", max_num_fields=_LIMIT_FIELDS)
    except ValueError as error:
        raise InputInvalid(f"the query cannot be read: {error}") from error
    found: dict[str, Any] = {}
    for name, value in pairs:
        _put(found, _path(name), _value(value))
    return found


def _path(name: str) -> list[str]:
    return [part for part in name.replace("]", "").replace("[", ".").split(".") if part]


def _value(text: str) -> Any:
    if not text.startswith("{"):
        return text
    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError):
        return text


def _put(target: dict[str, Any], path: list[str], value: Any) -> None:
    for part in path[:-1]:
        inner = target.setdefault(part, {})
        if not isinstance(inner, dict):
            return
        target = inner
    if path:
        target[path[-1]] = value
