"""Whose request it is: the write key out of header or body, and the allowance for keys that nobody knows."""

import base64
import binascii
from collections import OrderedDict
from functools import lru_cache

from penstock.ingest.answers import Refusal
from penstock.kit.clock import Clock

SHORTEST, LONGEST = 10, 256
_LONGEST_HEADER = 1_024
_KEYS_COUNTED = 100


def basic_key(authorization: str | None) -> str | None:
    """The user name of a Basic header, or None where there is none or it is empty: then the body's key counts."""
    if not authorization or len(authorization) > _LONGEST_HEADER:
        return None
    return _basic_key(authorization)


@lru_cache(maxsize=4096)
def _basic_key(authorization: str) -> str | None:
    scheme, _, credentials = authorization.partition(" ")
    if scheme.lower() != "basic":
        return None
    credentials = credentials.strip()
    try:
        decoded = base64.b64decode(credentials + "=" * (-len(credentials) % 4), validate=True).decode()
    except (binascii.Error, UnicodeDecodeError, ValueError):
        return None
    return decoded.partition(":")[0] or None


def plausible(key: str | None) -> str:
    """The key itself. Raises Refusal where there is none, or none that anybody would have made."""
    if not key:
        raise Refusal(400, "missing_write_key", "Missing writeKey")
    if not SHORTEST <= len(key) <= LONGEST or not key.isprintable():
        raise Refusal(400, "invalid_write_key", "Invalid writeKey")
    return key


class UnknownKeys:
    """A token bucket for events with keys that no snapshot knows, and how many came with which key.

    A request passes while the bucket is not in debt, and then owes all its events, so that a batch larger than the
    bucket passes too and the rate still holds.
    """

    def __init__(self, rate: int, clock: Clock) -> None:
        self._rate = rate
        self._clock = clock
        self._tokens = float(rate)
        self._filled_at = clock.monotonic()
        self.counts: OrderedDict[str, int] = OrderedDict()

    def take(self, key: str, events: int) -> None:
        """Raises Refusal (429) where the rate is used up."""
        now = self._clock.monotonic()
        self._tokens = min(self._rate, self._tokens + (now - self._filled_at) * self._rate)
        self._filled_at = now
        if self._tokens < 1:
            seconds = int((1 - self._tokens) / self._rate) + 1
            raise Refusal(429, "rate_limited", "Too many events with unknown write keys", seconds)
        self._tokens -= events
        self._count(key, events)

    def _count(self, key: str, events: int) -> None:
        self.counts[key] = self.counts.pop(key, 0) + events
        if len(self.counts) > _KEYS_COUNTED:
            self.counts.popitem(last=False)
