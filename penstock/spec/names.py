"""Names of schemas, tables and columns: what senders write, made into one lower-case form (warehouses.md §7).

Only ASCII letters and digits make words; everything else separates them. Acronyms glue to the word that follows, digits
never split, and no underscore survives at either end. Invariant: a result is empty or its own result.
"""

import hashlib
import re

_FINISHED = re.compile(r"[a-z0-9]+(?:_[a-z0-9]+)*")
_WORD = re.compile(r"[A-Z0-9]+[a-z0-9]*|[a-z0-9]+")
_LOWER = re.compile(r"[a-z]")

IDENTIFIER_LIMIT = 255
_SUFFIX_LENGTH = 9


def snakecase(name: str) -> str:
    """`name` in snake case; empty where it holds no ASCII letter or digit."""
    match = _FINISHED.match(name)
    prefix = match.group() if match else ""
    rest = name[len(prefix) :]
    if not rest:
        return prefix
    words = [word.lower() for word in _WORD.findall(rest)]
    if not words or not prefix:
        return prefix + "_".join(words)
    glue = "" if _continues(prefix, rest) else "_"
    return prefix + glue + "_".join(words)


def _continues(prefix: str, rest: str) -> bool:
    """Whether the capital that opens `rest` belongs to the last word of `prefix`: one that is of digits alone."""
    return "A" <= rest[0] <= "Z" and not _LOWER.search(prefix[prefix.rfind("_") + 1 :])


def identifier(name: str, limit: int = IDENTIFIER_LIMIT) -> str:
    """`name`, which is ASCII, or, where it is longer than `limit`, its beginning and a suffix that only it has."""
    if len(name) <= limit:
        return name
    digest = hashlib.sha256(name.encode()).hexdigest()[: _SUFFIX_LENGTH - 1]
    return f"{name[: limit - _SUFFIX_LENGTH]}_{digest}"
