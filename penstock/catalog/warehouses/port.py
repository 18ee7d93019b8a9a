"""What a driver implements: loading with the position in the same transaction, and telling what it holds.

A driver is used by one thread at a time; `query` and `interrupt` may come from others. The position is in the target
alone: whoever opens it finds there what has been loaded, and the sync records that go with it.

Errors:
    WarehouseError            the target refused; the load has left no trace
    ├── WarehouseLocked       another process has it open; `pid` names it where it is known
    └── WarehouseUnreachable  there is no way in; `step` says where it ends
"""

from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from enum import StrEnum
from typing import Any, Protocol

import msgspec

from penstock.catalog.warehouses.batch import SourceBatch
from penstock.infra.http.policy import OutboundPolicy
from penstock.spec.calls import QueryResult


class WarehouseError(Exception):
    """The target refused; nothing of the load is there."""


class WarehouseLocked(WarehouseError):  # noqa: N818 - the consequence is in the name
    """Another process has the target open."""

    def __init__(self, pid: int, reason: str) -> None:
        super().__init__(f"the warehouse is open in another process (pid {pid or 'unknown'}): {reason}")
        self.pid = pid


class Step(StrEnum):
    """What has to go well before a warehouse can be loaded, in this order."""

    SETTINGS = "settings"
    NAME = "name"
    NETWORK = "network"
    LOGIN = "login"
    PERMISSION = "permission"


class WarehouseUnreachable(WarehouseError):  # noqa: N818 - the consequence is in the name
    """The target cannot be used as it is configured."""

    def __init__(self, step: Step, reason: str) -> None:
        super().__init__(f"{step}: {reason}")
        self.step = step


class QueryLimits(msgspec.Struct, frozen=True):
    """Bounds of one query."""

    rows: int
    seconds: float
    megabytes: int


class Load(msgspec.Struct, frozen=True):
    """The rows of the interval (after, to] of one shard, by source. Times are milliseconds.

    A shard below zero is the lane of what sources have missed of a shard.
    """

    warehouse_id: str
    shard: int
    after: int
    to: int
    started_at: int
    loaded_at: int
    sources: Sequence[SourceBatch]
    source_positions: Mapping[tuple[int, str], int | None] = {}
    """What changes with the load, by shard and source; None: the source stands where its warehouse stands."""


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
    collections: dict[str, int] = {}
    """Rows by table, where there are any."""


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

    def source_positions(self) -> dict[tuple[int, str], int] | None:
        """Sources that are not where the warehouse is, by shard and source; None where the target keeps none yet."""
        ...

    def load(self, load: Load) -> LoadReport:
        """Load, and move the position of the shard to `load.to`, in one transaction. Raises WarehouseError."""
        ...

    def records_after(self, shard: int, sequence: int) -> list[SyncRecord]:
        """Sync records whose interval ends above `sequence`, in order."""
        ...

    def forget(self, user_ids: Sequence[str], source_schemas: Sequence[str] | None) -> dict[str, int]:
        """Delete all rows of these people, of some sources or (None) of all. Answers rows by table.

        Raises WarehouseError.
        """
        ...

    def forget_objects(
        self, object_ids: Sequence[str], collection: str, source_schemas: Sequence[str] | None
    ) -> dict[str, int]:
        """The same of objects, of one collection or (empty) of all: of its own tables alone. Raises WarehouseError."""
        ...

    def find_anonymous(
        self, user_ids: Sequence[str], among: Mapping[str, Sequence[str] | None]
    ) -> dict[str, list[str]]:
        """By schema of a source the anonymous ids that rows have beside one of these users (None), or those of the
        given ones that rows have beside anybody else. Raises WarehouseError.
        """
        ...

    def query(self, statement: str, limits: QueryLimits) -> QueryResult:
        """One statement that reads. What is wrong with it stands in the result's `error`."""
        ...

    def close(self) -> None: ...


class Site(msgspec.Struct, frozen=True):
    """Where and for whom a warehouse is opened."""

    warehouse_id: str
    directory: str
    """Of embedded files."""
    megabytes: int
    policy: OutboundPolicy
    """Which addresses may be connected to."""


class Place(Protocol):
    """A target that can be opened."""

    name: str
    """Tells it from others, without secrets: two warehouses may not share it."""
    is_local: bool
    """Whether it grows in the data directory of this process."""

    def exists(self) -> bool:
        """Whether there is anything to open yet, so that looking does not make it."""
        ...

    def open(self) -> Warehouse:
        """Raises WarehouseError."""
        ...

    def rewrite(self) -> None:
        """Write what is there anew, so that no byte of what was deleted is left; while it is closed. Not where the
        target sees to that itself. Raises WarehouseError, and all is as it was.
        """
        ...

    def check(self) -> None:
        """Connect, and see that schemas may be made. Raises WarehouseUnreachable, which says at which step it ends."""
        ...


class Driver(Protocol):
    """What a slug stands for."""

    def place(self, settings: Mapping[str, Any], site: Site) -> Place:
        """Raises WarehouseError where the settings name none."""
        ...

    def left(self, site: Site, but: AbstractSet[str]) -> Iterator[Place]:
        """What the site's warehouse has loaded into in the directory, but for places of these names.

        Raises WarehouseError at the end, where something there could not be asked whose it is.
        """
        ...
