"""What holds a destination back: a circuit that opens when it is broken, and a pace that follows what it bears.

Invariants: an open circuit lets one probe pass per `probe_seconds`, and only a probe's result may close it; a 429 never
opens a circuit; a pace is unlimited until the destination first asks for less.
"""

from collections import deque

from penstock.delivery.attempt import Signal
from penstock.kit.clock import Clock
from penstock.kit.settings import Settings

_SLOTS = 60
_LOWEST_RATE = 1.0
_UNLIMITED_ABOVE = 5_000.0
_HALVING_SECONDS = 1.0
_RETRY_AFTER_LIMIT = 3600.0


class Circuit:
    """Opens after N failures in a row, or when their ratio within a window is too high (delivery.md §4)."""

    def __init__(self, settings: Settings, clock: Clock) -> None:
        self._settings = settings
        self._clock = clock
        self._slot_seconds = settings.circuit_seconds / _SLOTS
        self._slots: deque[list[int]] = deque()
        """[slot, attempts, failures] of the window; `_attempts` and `_failures` are their sums."""
        self._attempts = 0
        self._failures = 0
        self._in_a_row = 0
        self._probe_at = 0.0
        self._is_probing = False
        self.is_open = False

    def may_probe(self) -> bool:
        """Whether an open circuit would let an attempt pass now."""
        return self.is_open and not self._is_probing and self._clock.monotonic() >= self._probe_at

    def seconds_to_probe(self) -> float:
        """Until the next probe; 0 where one may be sent, or where nothing holds back."""
        return max(0.0, self._probe_at - self._clock.monotonic()) if self.is_open else 0.0

    def begin_probe(self) -> None:
        self._is_probing = True

    def record(self, signal: Signal, *, is_probe: bool) -> None:
        """Take in what an attempt told. Late answers of attempts begun before it opened change nothing."""
        if self.is_open:
            if is_probe:
                self._record_probe(signal)
            return
        if signal is Signal.SILENT:
            return
        is_failure = signal is Signal.FAILING
        self._in_a_row = self._in_a_row + 1 if is_failure else 0
        attempts, failures = self._count(is_failure=is_failure)
        is_mostly_failing = attempts >= self._settings.circuit_minimum and (
            failures > attempts * self._settings.circuit_ratio
        )
        if self._in_a_row >= self._settings.circuit_failures or is_mostly_failing:
            self._open()

    def _record_probe(self, signal: Signal) -> None:
        self._is_probing = False
        if signal is Signal.FAILING:
            self._open()
        elif signal is not Signal.SILENT:
            self.is_open = False
            self._in_a_row = 0
            self._slots.clear()
            self._attempts = self._failures = 0

    def _open(self) -> None:
        self.is_open = True
        self._is_probing = False
        self._probe_at = self._clock.monotonic() + self._settings.probe_seconds

    def _count(self, *, is_failure: bool) -> tuple[int, int]:
        slot = int(self._clock.monotonic() / self._slot_seconds)
        if not self._slots or self._slots[-1][0] != slot:
            self._slots.append([slot, 0, 0])
        self._slots[-1][1] += 1
        self._slots[-1][2] += is_failure
        self._attempts += 1
        self._failures += is_failure
        while self._slots[0][0] <= slot - _SLOTS:
            _, attempts, failures = self._slots.popleft()
            self._attempts -= attempts
            self._failures -= failures
        return self._attempts, self._failures


class Pace:
    """A token bucket whose rate halves when the destination asks for less and grows with every success."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.rate: float | None = None
        """Attempts per second; None: unlimited."""
        self._tokens = 1.0
        self._filled_at = clock.monotonic()
        self._held_until = 0.0
        self._halved_at = float("-inf")
        self._second = 0
        self._this_second = 0
        self._last_second = 0

    def delay(self) -> float:
        """Seconds until one attempt may start; 0: now."""
        now = self._clock.monotonic()
        held = self._held_until - now
        if held > 0:
            return held
        if self.rate is None:
            return 0.0
        self._tokens = min(max(1.0, self.rate), self._tokens + (now - self._filled_at) * self.rate)
        self._filled_at = now
        return 0.0 if self._tokens >= 1 - 1e-9 else (1 - self._tokens) / self.rate

    def spend(self) -> None:
        """One attempt starts."""
        self._tokens -= 1
        second = int(self._clock.monotonic())
        if second != self._second:
            self._last_second = self._this_second if second == self._second + 1 else 0
            self._second, self._this_second = second, 0
        self._this_second += 1

    def throttle(self, retry_after_seconds: float) -> None:
        """The destination answered 429 or 503: half the rate, once per second however many answers say so."""
        now = self._clock.monotonic()
        self._held_until = max(self._held_until, now + min(retry_after_seconds, _RETRY_AFTER_LIMIT))
        if now - self._halved_at < _HALVING_SECONDS:
            return
        self._halved_at = now
        seen = float(max(self._last_second, self._this_second, 1))
        self.rate = max(_LOWEST_RATE, min(self.rate or seen, seen) / 2)
        self._tokens, self._filled_at = 0.0, now

    def succeed(self) -> None:
        """One attempt succeeded: a little faster, until the bucket has no meaning."""
        if self.rate is None:
            return
        self.rate += max(0.5, self.rate * 0.02)
        if self.rate > _UNLIMITED_ABOVE:
            self.rate = None
