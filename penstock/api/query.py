"""Reads query strings as all official clients write them: brackets (escaped or not), dots, JSON text, plain names.

`a[b]=1`, `a.b=1` and `a={"b": 1}` all say `{"a": {"b": …}}`. An empty value says that the parameter is absent. A list
comes as a repeated name, with numbered names (`a.0=1`, `a[0]=1`) or as JSON text: `listed` reads all of them. An object
in a list comes from the Python client as Python prints it: `a={'b': True}`.
"""

import re
from typing import Any
from urllib.parse import parse_qsl

import msgspec
from pydantic import AfterValidator

from penstock.api.errors import InputInvalid

_LIMIT_BYTES = 16 * 1024
_LIMIT_FIELDS = 200
_DIGITS = 18
_PRINTED = re.compile(r"""'((?:[^'\\]|\\.)*)'|"((?:[^"\\]|\\.)*)"|([^'"]+)""", re.DOTALL)
_ESCAPE = re.compile(r"\\.", re.DOTALL)
_ESCAPES = {"\\'": "'", "\\x": "\\u00"}
_CONSTANTS = {"True": "true", "False": "false", "None": "null"}


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


def listed(value: Any) -> Any:
    """A parameter that is a list, from what `parse_query` has for it."""
    if isinstance(value, dict) and value and all(name.isdigit() for name in value):
        return [value[name] for name in sorted(value, key=int)]
    return value if isinstance(value, list) else [value]


def number_to(limit: int) -> AfterValidator:
    """What a parameter that is a number has to be, for all of them are text: a whole one from 1 on."""

    def read(text: str) -> str:
        if not (text.isascii() and _is_number(text) and 1 <= int(text) <= limit):
            raise ValueError(f"must be a whole number from 1 to {limit}")
        return text

    return AfterValidator(read)


def place_of(parts: int) -> AfterValidator:
    """Where a list of our own goes on: numbers with `-` between them, as its `next` tells them; empty: at its start."""

    def read(text: str) -> str:
        if text and not (text.isascii() and text.count("-") == parts - 1 and all(map(_is_number, text.split("-")))):
            raise ValueError("must be the `next` of an answer")
        return text

    return AfterValidator(read)


def _is_number(text: str) -> bool:
    return text.isdecimal() and len(text) <= _DIGITS


def _value(text: str) -> Any:
    if not text.startswith(("{", "[")):
        return text
    for written in (text, _from_python(text)):
        try:
            return msgspec.json.decode(written)
        except (msgspec.DecodeError, RecursionError):
            continue
    return text


def _from_python(text: str) -> str:
    """JSON text of what Python has printed, if it is that."""
    return _PRINTED.sub(_token, text)


def _token(found: re.Match[str]) -> str:
    single, double, other = found.groups()
    if other is not None:
        return re.sub(r"\b(?:True|False|None)\b", lambda name: _CONSTANTS[name[0]], other)
    inside = double if single is None else single.replace('"', '\\"')
    return '"' + _ESCAPE.sub(lambda escape: _ESCAPES.get(escape[0], escape[0]), inside) + '"'


def _put(target: dict[str, Any], path: list[str], value: Any) -> None:
    for part in path[:-1]:
        inner = target.setdefault(part, {})
        if not isinstance(inner, dict):
            return
        target = inner
    if path:
        target[path[-1]] = [*listed(target[path[-1]]), value] if path[-1] in target else value
