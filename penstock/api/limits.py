"""Rate limits per token and operation, as the contract states them, times a factor of the installation."""

import math
from email.utils import formatdate

import msgspec

from penstock.api.errors import RateLimited
from penstock.api.operation import Operation
from penstock.kit.clock import Clock

_WINDOWS_KEPT = 10_000


class _Window(msgspec.Struct):
    started: float
    ends_ms: int
    used: int = 0


class RateLimiter:
    """Counts in fixed windows that begin with a token's first request. In memory: a restart forgives."""

    def __init__(self, clock: Clock, factor: float) -> None:
        self._clock = clock
        self._factor = factor
        self._windows: dict[tuple[str, str], _Window] = {}

    def take(self, token_id: str, operation: Operation) -> dict[str, str]:
        """Count one request; returns the headers that tell what is left. Raises RateLimited."""
        if self._factor <= 0:
            return {}
        allowed = max(1, math.floor(operation.limit.requests * self._factor))
        seconds = operation.limit.seconds
        window = self._window(token_id, operation.id, seconds)
        left = seconds - (self._clock.monotonic() - window.started)
        if window.used >= allowed:
            raise _refusal(window, left)
        window.used += 1
        return _headers(window, allowed - window.used)

    def _window(self, token_id: str, operation_id: str, seconds: int) -> _Window:
        now = self._clock.monotonic()
        window = self._windows.get((token_id, operation_id))
        if window is None or now - window.started >= seconds:
            if len(self._windows) >= _WINDOWS_KEPT:
                self._windows.clear()
            window = _Window(now, self._clock.now_ms() + seconds * 1000)
            self._windows[token_id, operation_id] = window
        return window


def _headers(window: _Window, remaining: int) -> dict[str, str]:
    return {
        "X-RateLimit-Consumed": str(window.used),
        "X-RateLimit-Remaining": str(remaining),
        "X-RateLimit-Reset": formatdate(window.ends_ms / 1000, usegmt=True),
    }


def _refusal(window: _Window, left: float) -> RateLimited:
    data = {"remainingPoints": 0, "msBeforeNext": max(1, round(left * 1000)), "consumedPoints": window.used}
    error = RateLimited("Too many requests", data=data)
    error.headers = {"Retry-After": str(max(1, math.ceil(left))), **_headers(window, 0)}
    return error
