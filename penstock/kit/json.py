"""JSON from strangers: fast where it is clean, mended where a strict parser would refuse what people really send.

Mending works on the text and changes the defects alone, so that all else (big integers, the spelling of floats, the
order of keys) stays as it was sent: lone surrogates and bytes that are no UTF-8 become U+FFFD, numbers beyond a float
become null, and so do NaN and Infinity (as Python's SDK writes such floats) and integers that no reader of ours can
take (over 4,300 digits); shorter integers stay exact. NUL characters are kept. Each kind of mend is counted under a
code.

Errors:
    JsonError    malformed, also after mending, or nested too deep
"""

import math
import re
from typing import Any

import msgspec

NESTING_LIMIT = 128
"""Levels of one event. Readers recurse over events, hence far below what the parsers take."""
BODY_NESTING_LIMIT = NESTING_LIMIT + 2
"""A batch wraps its events in an object and an array."""

LONE_SURROGATE = "lone_surrogate"
INVALID_UTF8 = "invalid_utf8"
NUMBER_OUT_OF_RANGE = "number_out_of_range"

_DIGITS_LIMIT = 4_300
_BOM = b"\xef\xbb\xbf"
_REPLACEMENT = "\N{REPLACEMENT CHARACTER}"
# The closing quote is optional: a string without an end is matched whole at once, never tried again at each quote.
_STRING = rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"?'
_strings = re.compile(_STRING, re.DOTALL)
_tokens = re.compile(_STRING + rb"|-?\d[\d.eE+-]*+|-?\b(?:NaN|Infinity)\b", re.DOTALL)
_escapes = re.compile(
    rb"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(?P<lone>u[dD][89a-fA-F][0-9a-fA-F]{2})|.)",
    re.DOTALL,
)
_not_brackets = bytes(byte for byte in range(256) if byte not in b"[]{}")
_one_kind = bytes.maketrans(b"{}", b"[]")
_decode = msgspec.json.decode

Notes = dict[str, int]


class JsonError(ValueError):
    """Not JSON that we take."""


def decode_lenient(data: bytes, nesting: int = BODY_NESTING_LIMIT) -> tuple[Any, Notes]:
    """The value, and what had to be mended by code (empty for clean text). Raises JsonError."""
    if is_too_deep(data, nesting):
        raise JsonError(f"nested deeper than {nesting} levels")
    try:
        return _decode(data), {}
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        text, notes = mended(data)
    try:
        return _decode(text), notes
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise JsonError(str(error)) from error


def mended(data: bytes) -> tuple[bytes, Notes]:
    """The same text without what strict parsers refuse and we do not, and the count of mends by code.

    What is malformed stays so: the caller parses the answer and refuses then.
    """
    notes: Notes = {}
    text = _valid_utf8(data.removeprefix(_BOM), notes)

    def mend(token: re.Match[bytes]) -> bytes:
        found = token[0]
        return _without_lone_surrogates(found, notes) if found[0] == 0x22 else _within_range(found, notes)

    return _tokens.sub(mend, text), notes


def is_too_deep(data: bytes, limit: int) -> bool:
    """Whether arrays and objects stand in each other more than `limit` levels deep, without parsing."""
    if data.count(b"[") + data.count(b"{") <= limit:
        return False
    brackets = _strings.sub(b"", data).translate(_one_kind, _not_brackets)
    for _ in range(limit):
        shorter = brackets.replace(b"[]", b"")
        if len(shorter) == len(brackets):
            break
        brackets = shorter
    # What is left over is too deep, or does not pair at all; then only its openings can make a parser go deep.
    return b"[" in brackets


def _valid_utf8(data: bytes, notes: Notes) -> bytes:
    try:
        data.decode()
    except UnicodeDecodeError:
        pass
    else:
        return data
    try:
        # Halves of pairs that were encoded one by one are joined again; a lone half becomes U+FFFD.
        text = data.decode("utf-8", "surrogatepass").encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
        code = LONE_SURROGATE
    except UnicodeDecodeError:
        text, code = data.decode("utf-8", "replace"), INVALID_UTF8
    notes[code] = notes.get(code, 0) + max(1, text.count(_REPLACEMENT))
    return text.encode()


def _without_lone_surrogates(string: bytes, notes: Notes) -> bytes:
    if b"\\u" not in string:
        return string

    def replace(escape: re.Match[bytes]) -> bytes:
        if escape["lone"] is None:
            return escape[0]
        notes[LONE_SURROGATE] = notes.get(LONE_SURROGATE, 0) + 1
        return b"\\ufffd"

    return _escapes.sub(replace, string)


def _within_range(number: bytes, notes: Notes) -> bytes:
    is_integer = number.removeprefix(b"-").isdigit()  # NaN and Infinity are floats, and not finite
    try:
        fits = len(number) <= _DIGITS_LIMIT if is_integer else math.isfinite(float(number))
    except ValueError:
        return number
    if fits:
        return number
    notes[NUMBER_OUT_OF_RANGE] = notes.get(NUMBER_OUT_OF_RANGE, 0) + 1
    return b"null"


def is_blank(value: Any) -> bool:
    """Whether it says nothing: null, an empty text, array or object. False and 0 say something."""
    return value is None or value in ("", [], {})
