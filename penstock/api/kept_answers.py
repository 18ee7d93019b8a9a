"""Answers to reads that are given again while the database holds what it held: the same question has the same answer.

An answer is kept for one token, operation, contract, path and query, under the database's state (`Database.state`) of
before it was looked up; so is whose a token is. Whatever is committed, by whichever process, makes another state, and
everything kept is dropped: a changed permission, a revoked token and a deleted person are seen by the next request. A
handler that has looked at the clock, or tells of the request itself, says so (`Unit.is_repeatable`), and its answer is
not kept.
"""

from collections.abc import Hashable

import msgspec

from penstock.api.auth import Principal

_ANSWER_LIMIT = 1 << 20
_TOTAL_LIMIT = 16 << 20
_OVERHEAD = 2 << 10
"""Bytes of an answer beside its body."""


class Kept(msgspec.Struct, frozen=True):
    """One answer, and whom it was given; without a body, whose a token is."""

    body: bytes
    principal: Principal


class KeptAnswers:
    """In memory, bounded in bytes."""

    def __init__(self) -> None:
        self._state: object = None
        self._kept: dict[Hashable, Kept] = {}
        self._bytes = 0

    def find(self, question: Hashable, state: object, now: int) -> Kept | None:
        """What was answered in this very state; `now` in milliseconds, for tokens that expire."""
        if state != self._state:
            self._forget(state)
        found = self._kept.get(question)
        return found if found is not None and found.principal.is_in_force(now) else None

    def keep(self, question: Hashable, state: object, kept: Kept) -> None:
        """`state`: of before the answer was looked up. None: it is not known, and nothing is kept."""
        if state is None or state != self._state or len(kept.body) > _ANSWER_LIMIT:
            return
        size = len(kept.body) + _OVERHEAD
        if self._bytes + size > _TOTAL_LIMIT:
            self._forget(state)
        self._kept[question] = kept
        self._bytes += size

    def _forget(self, state: object) -> None:
        self._kept.clear()
        self._state, self._bytes = state, 0
