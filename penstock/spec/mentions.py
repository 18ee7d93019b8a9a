"""Whom a request to a source function may be of. Only the function's code knows which value is an id: all are read.

An id is found where it is a whole value or a word of one, in the body, the address and the headers, in a form and in
JSON that stands as text within another value. The names of fields count too, for people may be keys of an object.
"""

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qsl

import msgspec

from penstock.spec.laps import FunctionRequest

_DEPTH = 64
"""Of values within values; what lies deeper is read as text."""
_word = re.compile(r"[^\s\"'`,;:/|&=?#()\[\]{}<>\\]+")


_request = msgspec.json.Decoder(FunctionRequest)
_json = msgspec.json.Decoder()


def mentioned_in(text: bytes) -> frozenset[str]:
    """All that could be an id in a request to a source function; nothing where `text` is an event, or neither."""
    try:
        request = _request.decode(text)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return frozenset()
    found: set[str] = set()
    for value in _values_of(request):
        found.add(value)
        found.update(_word.findall(value))
    return frozenset(found)


def _values_of(request: FunctionRequest) -> Iterator[str]:
    for _, value in request.headers:
        yield value
    yield from _of_pairs(request.url.partition("?")[2])
    yield from _of_pairs(request.body) if request.is_form else _of_text(request.body, _DEPTH)


def _of_pairs(text: str) -> Iterator[str]:
    for name, value in parse_qsl(text, keep_blank_values=True):
        yield name
        yield from _of_text(value, _DEPTH)


def _of_text(text: str, depth: int) -> Iterator[str]:
    """The values of JSON, where the text is some; the text itself else."""
    if depth and text.lstrip()[:1] in ("{", "[", '"'):
        try:
            yield from _of_value(_json.decode(text), depth - 1)
        except (msgspec.MsgspecError, UnicodeEncodeError, RecursionError):
            pass
        else:
            return
    yield text


def _of_value(value: Any, depth: int) -> Iterator[str]:
    waiting = [value]
    while waiting:
        each = waiting.pop()
        if isinstance(each, dict):
            yield from each
            waiting.extend(each.values())
        elif isinstance(each, list):
            waiting.extend(each)
        elif isinstance(each, str):
            yield from _of_text(each, depth)
        elif isinstance(each, int | float) and not isinstance(each, bool):
            yield str(each)
