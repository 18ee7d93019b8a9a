"""Different people of a month: exactly up to EXACT_LIMIT ids of a kind, then within a percent or so."""

import msgspec

from penstock.kit.sketch import Sketch
from penstock.resources.usage import UsageOfDay

EXACT_LIMIT = 100_000
"""As long as none of its days has come to a sketch that is not exact."""


class Tracked(msgspec.Struct, frozen=True):
    """`identified` and `never_identified` together are the tracked users."""

    identified: int
    """User ids."""
    anonymous: int
    """Anonymous ids."""
    anonymous_identified: int
    """Those of them that came with a user id, too."""

    @property
    def never_identified(self) -> int:
        return self.anonymous - self.anonymous_identified


class TrackedSum:
    """Of one source or of all; who is seen by several, or on several days, is one."""

    def __init__(self) -> None:
        self._users, self._anonymous, self._tied = (Sketch(limit=EXACT_LIMIT) for _ in range(3))

    def add(self, used: UsageOfDay) -> None:
        self._users.merge(Sketch.decode(used.users))
        self._anonymous.merge(Sketch.decode(used.anonymous))
        self._tied.merge(Sketch.decode(used.tied))

    def value(self) -> Tracked:
        anonymous = self._anonymous.count()
        # The tied are some of the anonymous; two estimates need not know that.
        return Tracked(self._users.count(), anonymous, min(self._tied.count(), anonymous))
