"""Quotas of events a second, per source and per workspace; off where none is set. Each edge counts for itself."""

from penstock.ingest.limits.bucket import Bucket, rate_limited
from penstock.kit.clock import Clock
from penstock.kit.settings import Settings
from penstock.spec.snapshot import SourceSnapshot

_BUCKETS = 20_000


class Quotas:
    """Buckets by source and by workspace, made when first asked for and when the rate has changed."""

    def __init__(self, settings: Settings, clock: Clock) -> None:
        self._source_rate = settings.source_event_rate
        self._workspace_rate = settings.workspace_event_rate
        self._clock = clock
        self._buckets: dict[tuple[str, str], Bucket] = {}

    def take(self, source: SourceSnapshot, events: int) -> None:
        """Raises Refusal (429) where one of the two is used up; then neither is charged."""
        source_rate = source.event_rate or self._source_rate
        if source_rate <= 0:
            if not self._workspace_rate:
                return
            source_rate = 0
        now = self._clock.monotonic()
        charged = []
        for kind, identifier, rate in (
            ("source", source.id, source_rate),
            ("workspace", source.workspace_id, self._workspace_rate),
        ):
            if not rate:
                continue
            bucket = self._bucket(kind, identifier, rate, now)
            if seconds := bucket.seconds_to_wait(now):
                raise rate_limited(f"The {kind} sends more than {rate} events per second", seconds)
            charged.append(bucket)
        for bucket in charged:
            bucket.spend(events)

    def _bucket(self, kind: str, identifier: str, rate: int, now: float) -> Bucket:
        found = self._buckets.get((kind, identifier))
        if found is None or found.rate != rate:
            if len(self._buckets) >= _BUCKETS:
                # Full ones are as good as new ones; those in debt go only where there is nothing else to let go.
                self._buckets = {key: each for key, each in self._buckets.items() if each.seconds_to_wait(now)}
                if len(self._buckets) >= _BUCKETS:
                    self._buckets.clear()
            found = self._buckets[kind, identifier] = Bucket(rate, now)
        return found
