"""Whether a function may have a process: one that goes on ending them is held back for a while.

Invariants (sandbox.md §10):
- Five processes that ended within a minute hold it back, whatever ended them: an exit, memory, a loop. Nothing of it
  is started until the pause is over; each pause that follows on another is twice as long, up to a bound.
- Another version begins anew, and so does the same that was deployed again: whoever deploys wants to see it run.
- What was in flight beside the fifth goes on, so a few more may end; they lengthen nothing.
"""

import time
from collections import deque
from collections.abc import Callable

import msgspec

CRASHES = 5
WITHIN_SECONDS = 60.0
LONGEST_PAUSE = 16
"""Times the first one."""


class Held(msgspec.Struct, frozen=True):
    """Why it is held back, for people, and for how many seconds from the beginning of that."""

    message: str
    seconds: float


class Health:
    """Of one program at one place. `on_held` is told when a pause begins."""

    def __init__(
        self,
        on_held: Callable[[Held], None] | None = None,
        pause_seconds: float = 60.0,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._on_held = on_held
        self._first_pause = self._pause = pause_seconds
        self._now = now
        self._crashes: deque[float] = deque(maxlen=CRASHES)
        self._noted_until = 0.0
        """When the last crash, or the pause that it began, was over."""
        self._held: Held | None = None
        self.struggles = False
        """Its last run took too long, or ended its process."""

    @property
    def held(self) -> Held | None:
        """None where it may be started."""
        return self._held if self._held is not None and self.seconds_left > 0 else None

    @property
    def seconds_left(self) -> float:
        """Of the pause."""
        return max(0.0, self._noted_until - self._now())

    @property
    def is_spotless(self) -> bool:
        """Whether all that it did is so long ago that it may be forgotten."""
        return self._now() - self._noted_until > self._first_pause * LONGEST_PAUSE or self._noted_until == 0

    def crashed(self, cause: str) -> None:
        """A process of it has ended that should have lived."""
        self.struggles = True
        if self.held is not None:
            return
        if self.is_spotless:
            self._pause = self._first_pause
        now = self._noted_until = self._now()
        self._crashes.append(now)
        if len(self._crashes) == CRASHES and now - self._crashes[0] < WITHIN_SECONDS:
            self._hold(now, cause)

    def _hold(self, now: float, cause: str) -> None:
        self._crashes.clear()
        self._noted_until = now + self._pause
        many = f"{CRASHES} processes of the function ended within {WITHIN_SECONDS:g} s"
        self._held = Held(f"{many}, so none is started for {self._pause:g} s; the last: {cause}", self._pause)
        self._pause = min(self._pause * 2, self._first_pause * LONGEST_PAUSE)
        if self._on_held is not None:
            self._on_held(self._held)
