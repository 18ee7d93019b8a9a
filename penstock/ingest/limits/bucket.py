"""A token bucket that may go into debt.

A request passes while the bucket owes nothing, and then owes all its events: a batch larger than the bucket passes too,
and the rate still holds.
"""

from penstock.ingest.answers import Refusal


class Bucket:
    """Fills by `rate` tokens a second, up to one second's."""

    __slots__ = ("_filled_at", "_rate", "_tokens")

    def __init__(self, rate: float, now: float) -> None:
        self._rate = rate
        self._tokens = rate
        self._filled_at = now

    @property
    def rate(self) -> float:
        return self._rate

    def seconds_to_wait(self, now: float) -> int:
        """0 where a request may pass; else whole seconds until one may."""
        self._tokens = min(self._rate, self._tokens + (now - self._filled_at) * self._rate)
        self._filled_at = now
        return 0 if self._tokens >= min(1.0, self._rate) else int((1 - self._tokens) / self._rate) + 1

    def spend(self, events: int) -> None:
        self._tokens -= events


def rate_limited(message: str, seconds: int) -> Refusal:
    return Refusal(429, "rate_limited", message, seconds)
