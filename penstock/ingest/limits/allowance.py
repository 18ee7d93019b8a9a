"""Whether the events of a request are taken now."""

from penstock.infra.disk import DiskWatch
from penstock.ingest.answers import unavailable
from penstock.ingest.limits.quotas import Quotas
from penstock.ingest.limits.unknown_keys import UnknownKeys
from penstock.kit.clock import Clock
from penstock.kit.settings import Settings
from penstock.spec.disk import Level
from penstock.spec.snapshot import SourceSnapshot


class Allowance:
    """All limits of one edge."""

    def __init__(self, settings: Settings, clock: Clock, disk: DiskWatch | None = None) -> None:
        self.disk = disk
        self.waiting_bytes = settings.waiting_megabytes << 20
        """Bytes of requests that may wait to be stored."""
        self.unknown = UnknownKeys(settings.unknown_key_rate, clock)
        self._quotas = Quotas(settings, clock)

    def take(self, key: str, source: SourceSnapshot | None, events: int) -> None:
        """Count the events of a request. Raises Refusal: 429 where they are too many, 503 where the disk is full."""
        disk = self.disk
        if disk is not None and disk.worst is not None and (reason := disk.reason(Level.FULL)):
            raise unavailable(reason)
        if source is None:
            self.unknown.take(key, events)
        else:
            self._quotas.take(source, events)
