"""The allowance for keys that nobody knows, and how many events came with which of them."""

from collections import OrderedDict

from penstock.ingest.limits.bucket import Bucket, rate_limited
from penstock.kit.clock import Clock

_KEYS_COUNTED = 100


class UnknownKeys:
    """One bucket for all of them together."""

    def __init__(self, rate: int, clock: Clock) -> None:
        self._clock = clock
        self._bucket = Bucket(rate, clock.monotonic())
        self.counts: OrderedDict[str, int] = OrderedDict()

    def take(self, key: str, events: int) -> None:
        """Raises Refusal (429) where the rate is used up."""
        if seconds := self._bucket.seconds_to_wait(self._clock.monotonic()):
            raise rate_limited("Too many events with unknown write keys", seconds)
        self._bucket.spend(events)
        self.counts[key] = self.counts.pop(key, 0) + events
        if len(self.counts) > _KEYS_COUNTED:
            self.counts.popitem(last=False)
