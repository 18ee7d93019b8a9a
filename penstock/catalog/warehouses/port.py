"""What a driver implements: loading with the position in the same transaction, and telling what it holds.

A driver is used by one thread at a time; `query` and `interrupt` may come from others. The position is in the target
alone: whoever opens it finds there what has been loaded, and the sync records that go with it.

Errors:
    WarehouseError            the target refused; the load has left no trace
    └── WarehouseLocked       another process has it open; `pid` names it where it is known
"""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import msgspec

from penstock.catalog.warehouses.batch import SourceBatch
from penstock.spec.calls import QueryResult


class WarehouseError(Exception):
    """The target refused; nothing of the load is there."""


class WarehouseLocked(WarehouseError):  # noqa: N818 - the consequence is in the name
    """Another process has the target open."""

    def __init__(self, pid: int, reason: str) -> None:
        super().__init__(f"the warehouse is open in another process (pid {pid or 'unknown'}): {reason}")
        self.pid = pid


class QueryLimits(msgspec.Struct, frozen=True):
    """Bounds of one query."""

    rows: int
    seconds: float
    megabytes: int


class Load(msgspec.Struct, frozen=True):
    """The rows of the interval (after, to] of one shard, by source. Times are milliseconds."""

    warehouse_id: str
    shard: int
    after: int
    to: int
    started_at: int
    loaded_at: int
    sources: Sequence[SourceBatch]


class SyncRecord(msgspec.Struct, frozen=True, rename="camel"):
    """One source in one load: what the API shows of it, and the interval that it covers (warehouses.md §13)."""

    id: str
    warehouse_id: str
    source_id: str
    shard: int
    to: int
    start: str
    end: str
    status: str
    duration: float
    count: int
    discards: int
    notices: list[dict[str, str]] = []


class LoadReport(msgspec.Struct, frozen=True):
    """What a committed load did."""

    rows: int
    events: int
    records: list[SyncRecord]


class Warehouse(Protocol):
    """An open target."""

    def positions(self) -> dict[int, int]:
        """The sequence up to which each shard is loaded."""
        ...

    def load(self, load: Load) -> LoadReport:
        """Load, and move the position of the shard to `load.to`, in one transaction. Raises WarehouseError."""
        ...

    def records_after(self, shard: int, sequence: int) -> list[SyncRecord]:
        """Sync records whose interval ends above `sequence`, in order."""
        ...

    def query(self, statement: str, limits: QueryLimits) -> QueryResult:
        """One statement that reads. What is wrong with it stands in the result's `error`."""
        ...

    def close(self) -> None: ...


class Driver(Protocol):
    """What a slug stands for."""

    def location(self, settings: Mapping[str, Any], directory: str) -> str:
        """What is opened: two warehouses may not share it."""
        ...

    def exists(self, location: str) -> bool:
        """Whether there is anything to open yet, so that looking does not make it."""
        ...

    def open(self, location: str, megabytes: int) -> Warehouse:
        """Raises WarehouseError."""
        ...
