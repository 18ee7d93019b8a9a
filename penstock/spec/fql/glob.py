"""Patterns of `match`: `*`, `?`, sets and escapes, over a whole string, in time that no pattern can blow up.

A pattern is cut at its stars into runs of fixed length. The first must begin the string, the last must end it, and each
between is taken where it first occurs: with runs of fixed length the leftmost choice is never wrong, so nothing is ever
tried twice. A malformed pattern matches nothing.
"""

import re
from collections.abc import Callable
from functools import lru_cache

PATTERN_LIMIT = 1_024
"""Characters; a longer pattern matches nothing. A pattern may come out of an event."""
Matcher = Callable[[str], bool]
_STAR = "*"
_ANY = r"[\s\S]"
_NONE = r"[^\s\S]"


class _MalformedError(ValueError):
    pass


def matcher_of(pattern: str) -> Matcher:
    """Whether a whole string fits the pattern. Of senders' patterns the last ones are remembered."""
    return _nothing if len(pattern) > PATTERN_LIMIT else _compiled(pattern)


@lru_cache(maxsize=1_024)
def _compiled(pattern: str) -> Matcher:
    try:
        first, *others = _runs(pattern)
    except _MalformedError:
        return _nothing
    if not others:
        whole = re.compile("".join(first)).fullmatch
        return lambda text: whole(text) is not None
    *between, last = others
    begin, end = re.compile("".join(first)), re.compile("".join(last))
    inner = [re.compile("".join(run)) for run in between if run]
    return lambda text: _fits(text, begin, inner, end, len(last))


def _fits(text: str, first: re.Pattern[str], between: list[re.Pattern[str]], last: re.Pattern[str], tail: int) -> bool:
    begun = first.match(text)
    end = len(text) - tail
    if begun is None or begun.end() > end or last.match(text, end) is None:
        return False
    at = begun.end()
    for run in between:
        found = run.search(text, at, end)
        if found is None:
            return False
        at = found.end()
    return True


def _nothing(_: str) -> bool:
    return False


def _runs(pattern: str) -> list[list[str]]:
    """The runs between stars, each a regular expression per character. Raises _MalformedError."""
    runs: list[list[str]] = [[]]
    for atom in _atoms(pattern):
        if atom == _STAR:
            runs.append([])
        else:
            runs[-1].append(atom)
    return runs


def _atoms(pattern: str) -> list[str]:
    """`_STAR`, or the regular expression of exactly one character. Raises _MalformedError."""
    atoms: list[str] = []
    at = 0
    while at < len(pattern):
        character = pattern[at]
        if character == "[":
            atom, at = _set(pattern, at + 1)
        elif character == "*":
            atom, at = _STAR, at + 1
        elif character == "?":
            atom, at = _ANY, at + 1
        else:
            literal, at = _escaped(pattern, at)
            # Not re.escape: an escaped star must not be mistaken for a star.
            atom = f"[{_in_set(literal)}]"
        atoms.append(atom)
    return atoms


def _set(pattern: str, at: int) -> tuple[str, int]:
    """The set whose members begin at `at`, and the place behind its `]`."""
    is_negated = pattern.startswith("^", at)
    at += is_negated
    members: list[str] = []
    is_first = True
    while is_first or not pattern.startswith("]", at):
        low, at = _member(pattern, at)
        high = low
        if pattern.startswith("-", at):
            high, at = _member(pattern, at + 1)
        if low <= high:
            members.append(f"{_in_set(low)}-{_in_set(high)}")
        is_first = False
    if not members:
        return (_ANY if is_negated else _NONE), at + 1
    return f"[{'^' if is_negated else ''}{''.join(members)}]", at + 1


def _member(pattern: str, at: int) -> tuple[str, int]:
    if at >= len(pattern) or pattern[at] in "-]":
        raise _MalformedError
    return _escaped(pattern, at)


def _escaped(pattern: str, at: int) -> tuple[str, int]:
    """The character that is meant at `at`, and the place behind it."""
    if pattern[at] != "\\":
        return pattern[at], at + 1
    if at + 1 == len(pattern):
        raise _MalformedError
    return pattern[at + 1], at + 2


def _in_set(character: str) -> str:
    return f"\\{character}" if character in "\\]^-[&|~" else character
