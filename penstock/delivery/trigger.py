"""Triggers that are plain enough to be judged here, so that an event that no mapping wants costs no call of a runner.

Plain means: comparisons of `type` and `event` with simple strings by `=` or `!=`, joined by `and` alone or by `or`
alone. For these the official parser and this one do not differ (a test asks both); every other trigger is `None` here
and the official code decides.
"""

import re
from collections.abc import Callable
from functools import lru_cache

from penstock.delivery.reading.frames import RoutedEvent
from penstock.spec.event import EVENT_TYPES

_CLAUSE = re.compile(r'(type|event) *(=|!=) *"([A-Za-z0-9][A-Za-z0-9 _.:/-]*)"')
_JOIN = re.compile(r" +(and|or) +")

Trigger = Callable[[RoutedEvent], bool]
Clause = tuple[str, bool, str]
"""(subject, whether it must be equal, value)."""


@lru_cache(maxsize=4_096)
def plain_trigger(text: str) -> Trigger | None:
    """The trigger as a function; None where only the official code can tell."""
    clauses: list[Clause] = []
    joins: set[str] = set()
    at = 0
    text = text.strip(" ")
    while (clause := _CLAUSE.match(text, at)) is not None:
        clauses.append((clause[1], clause[2] == "=", clause[3]))
        at = clause.end()
        if at == len(text):
            return _joined(clauses, joins)
        if (join := _JOIN.match(text, at)) is None:
            return None
        joins.add(join[1])
        at = join.end()
    return None


def _joined(clauses: list[Clause], joins: set[str]) -> Trigger | None:
    if len(joins) > 1:
        return None  # the last connective of a level applies to all its clauses: left to the official code
    combined = any if "or" in joins else all
    return lambda event: combined(_holds(clause, event) for clause in clauses)


def _holds(clause: Clause, event: RoutedEvent) -> bool:
    subject, must_be_equal, value = clause
    actual = EVENT_TYPES[event.event_type] if subject == "type" else event.full_name
    return (actual == value) is must_be_equal
