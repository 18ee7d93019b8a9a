"""Text to tokens, each with its place. The language has no escapes in strings; a backslash escapes in names alone."""

import re
from collections.abc import Iterator

import msgspec

from penstock.spec.fql.errors import FqlSyntaxError

TEXT_LIMIT = 5 * 1024
"""Bytes of one expression."""
_NUMBER_LIMIT = 400
"""Characters: the longest that a float needs, written without an exponent, are fewer."""
KEYWORDS = frozenset({"true", "false", "null"})
JUNCTIONS = frozenset({"and", "or"})
_TOKEN = re.compile(
    r"""(?P<blank>[ \t\r\n]+)
      | (?P<string>'[^']*'|"[^"]*")
      | (?P<number>[+-]?[0-9]+(?:\.[0-9]+)?)
      | (?P<name>(?:[A-Za-z_]|\\.)(?:[A-Za-z0-9_-]|\\.)*)
      | (?P<mark>!=|<=|>=|[=<>!()\[\],.])""",
    re.VERBOSE | re.DOTALL,
)
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)


class Token(msgspec.Struct, frozen=True):
    """`kind` is string, number, name, word (a name that the language keeps for itself), mark or end."""

    kind: str
    text: str
    """As it stands, a keyword in lower case."""
    at: int


def tokens_of(text: str) -> list[Token]:
    """All tokens, the last of which is the end. Raises FqlSyntaxError."""
    if len(text) > TEXT_LIMIT or len(text.encode("utf-8", "surrogatepass")) > TEXT_LIMIT:
        raise FqlSyntaxError(f"the expression is longer than {TEXT_LIMIT} bytes", 1, 1)
    return [*_tokens(text), Token("end", "the end", len(text.rstrip()))]


def _tokens(text: str) -> Iterator[Token]:
    at = 0
    while at < len(text):
        found = _TOKEN.match(text, at)
        if found is None:
            raise error_at(text, at, _complaint(text, at))
        kind, piece = str(found.lastgroup), found[0]
        if kind == "number" and len(piece) > _NUMBER_LIMIT:
            raise error_at(text, at, f"a number has at most {_NUMBER_LIMIT} characters")
        if kind == "name":
            yield _word_or_name(piece, at)
        elif kind != "blank":
            yield Token(kind, piece, at)
        at = found.end()


def _word_or_name(piece: str, at: int) -> Token:
    # The junctions in any case: published examples and presets spell them both ways.
    if piece in KEYWORDS:
        return Token("word", piece, at)
    if (lower := piece.lower()) in JUNCTIONS or lower == "in":
        return Token("word", lower, at)
    return Token("name", piece, at)


def unescaped(name: str) -> str:
    return _ESCAPE.sub(r"\1", name)


def error_at(text: str, at: int, message: str) -> FqlSyntaxError:
    """The error with the line and column of a place in the text."""
    before = text[:at]
    return FqlSyntaxError(message, before.count("\n") + 1, at - (before.rfind("\n") + 1) + 1)


def _complaint(text: str, at: int) -> str:
    character = text[at]
    if character in "'\"":
        return f"the string that begins with {character} has no end"
    if character == "$" and text[:at].rstrip().endswith("."):
        return 'arrays cannot be entered by ".$."; a list as a whole can be asked with `in`'
    if character == "\\":
        return "a backslash has nothing to escape"
    hint = "; a backslash before it makes it part of a name" if character.isprintable() else ""
    return f"{character!r} means nothing here{hint}"
