"""Identifiers made of whatever an event is called: readable where the name allows it, distinct always."""

import re
from collections.abc import Collection

_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")
_NOT_ASCII = re.compile(r"[^A-Za-z0-9]+")
_LONGEST = 80


class Names:
    """Hands identifiers out, each once. `taken` are those that mean something else."""

    def __init__(self, taken: Collection[str] = ()) -> None:
        self._taken = set(taken)

    def give(self, wanted: str) -> str:
        """`wanted`, or it with a number behind it."""
        found, number = wanted, 1
        while found in self._taken:
            number += 1
            found = f"{wanted}_{number}"
        self._taken.add(found)
        return found


def words(text: str, otherwise: str) -> list[str]:
    """Its ASCII words in lower case; `otherwise` where there is none, and before a digit."""
    found = [word.lower() for part in _NOT_ASCII.split(text[:_LONGEST]) for word in _WORD.findall(part)]
    return [otherwise, *found] if not found or found[0][0].isdigit() else found


def on_one_line(text: str) -> str:
    """Somebody's text as a comment may hold it: nothing in it can end the line."""
    return "".join(letter if letter.isprintable() else " " for letter in " ".join(text.split()))


def snake(text: str, otherwise: str = "event") -> str:
    return "_".join(words(text, otherwise))


def camel(text: str, otherwise: str = "event") -> str:
    first, *rest = words(text, otherwise)
    return first + "".join(word.capitalize() for word in rest)


def pascal(text: str, otherwise: str = "Event") -> str:
    return "".join(word.capitalize() for word in words(text, otherwise))
