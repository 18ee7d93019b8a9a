"""The data plane's side of the bucket: everything published, in memory, kept current by a watch.

A value that this release cannot read leaves the last good one standing and is an alarm. If the log was lost the view is
built anew beside the old one, and takes its place when complete.
"""

import asyncio
from collections.abc import Callable
from contextlib import aclosing
from typing import Self

import structlog

from penstock.infra.log import Bucket, Entry, Log, LogError, LogTimeout
from penstock.infra.snapshots.codec import unpack
from penstock.infra.snapshots.tables import Snapshots, Tables
from penstock.kit.backoff import backoff
from penstock.spec.frame import FrameError
from penstock.spec.snapshot import (
    DeletionSnapshot,
    DestinationSnapshot,
    FunctionSnapshot,
    PlanSnapshot,
    SnapshotKind,
    SourceSnapshot,
    SuppressionSnapshot,
    WarehouseSnapshot,
)
from penstock.spec.streams import SNAPSHOTS

logger = structlog.get_logger(__name__)

Changed = Callable[[SnapshotKind, str], None]
"""Called with the kind and the id of what was published or deleted."""


class SnapshotView:
    """Use `open`; end with `close`. Its own attributes are live; `frozen()` gives what does not change any more."""

    def __init__(self, bucket: Bucket) -> None:
        self._bucket = bucket
        self._tables = Tables()
        self._ready = asyncio.Event()
        self._advanced = asyncio.Event()
        self._listeners: list[Changed] = []
        self._watching: asyncio.Task[None] | None = None
        self.unreadable: dict[str, str] = {}
        """Keys whose newest value cannot be read, with the reason: what `status` should tell."""

    @classmethod
    async def open(cls, log: Log, *, seconds: float = 30.0) -> Self:
        """A view that has seen everything published so far. Raises LogTimeout."""
        view = cls(await log.bucket(SNAPSHOTS))
        view._watching = asyncio.create_task(view._watch(), name="snapshot view")
        try:
            async with asyncio.timeout(seconds):
                await view._ready.wait()
        except TimeoutError as error:
            await view.close()
            raise LogTimeout(f"snapshots were not read in {seconds:g} s") from error
        return view

    async def close(self) -> None:
        if self._watching is not None:
            self._watching.cancel()
            await asyncio.gather(self._watching, return_exceptions=True)

    @property
    def is_ready(self) -> bool:
        return self._ready.is_set()

    @property
    def version(self) -> int:
        """The bucket's revision that was seen last."""
        return self._tables.current.version

    @property
    def sources(self) -> dict[str, SourceSnapshot]:
        return self._tables.current.sources

    @property
    def destinations(self) -> dict[str, DestinationSnapshot]:
        return self._tables.current.destinations

    @property
    def warehouses(self) -> dict[str, WarehouseSnapshot]:
        return self._tables.current.warehouses

    @property
    def plans(self) -> dict[str, PlanSnapshot]:
        return self._tables.current.plans

    @property
    def functions(self) -> dict[str, FunctionSnapshot]:
        return self._tables.current.functions

    @property
    def suppressions(self) -> dict[str, SuppressionSnapshot]:
        return self._tables.current.suppressions

    @property
    def deletions(self) -> dict[str, DeletionSnapshot]:
        return self._tables.current.deletions

    def suppressions_of(self, workspace_id: str) -> tuple[SuppressionSnapshot, ...]:
        return self._tables.current.suppressions_of(workspace_id)

    def deletions_of(self, workspace_id: str) -> tuple[DeletionSnapshot, ...]:
        return self._tables.current.deletions_of(workspace_id)

    def source_by_write_key(self, key: str) -> SourceSnapshot | None:
        return self._tables.current.source_by_write_key(key)

    def destinations_of(self, source_id: str) -> tuple[DestinationSnapshot, ...]:
        return self._tables.current.destinations_of(source_id)

    def frozen(self) -> Snapshots:
        """The configuration of this moment, for judging one frame. Costs nothing until the next change."""
        return self._tables.freeze()

    def subscribe(self, changed: Changed) -> Callable[[], None]:
        """Have `changed(kind, id)` called after each change; returns what ends that."""
        self._listeners.append(changed)
        return lambda: self._listeners.remove(changed)

    async def refresh(self, *, seconds: float = 5.0) -> None:
        """Return when everything published before this call is in the view. Raises LogError."""
        wanted = await self._bucket.last_revision()
        try:
            async with asyncio.timeout(seconds):
                while self.version < wanted:
                    await self._advanced.wait()
        except TimeoutError as error:
            raise LogTimeout(f"snapshots are at {self.version}, not yet at {wanted}") from error

    async def _watch(self) -> None:
        waits = backoff(0.1, 5.0)
        while True:
            try:
                await self._follow()
            except LogError as error:
                logger.error("Snapshots are read anew.", reason=str(error))  # noqa: TRY400
            except Exception:
                logger.exception("The watch of snapshots failed; they are read anew.")
            await asyncio.sleep(next(waits))

    async def _follow(self) -> None:
        building: Tables | None = Tables()
        async with aclosing(self._bucket.watch()) as entries:
            async for entry in entries:
                if entry is not None:
                    changed = self._take(building or self._tables, entry)
                    if building is None:
                        self._advance()
                        self._tell([changed] if changed else [])
                elif building is not None:
                    self._replace(building)
                    building = None

    def _take(self, tables: Tables, entry: Entry) -> tuple[SnapshotKind, str] | None:
        try:
            envelope, snapshot = unpack(entry.value)
        except FrameError as error:
            logger.error("A snapshot cannot be read; the last good one stays.", key=entry.key, reason=str(error))  # noqa: TRY400
            self.unreadable[entry.key] = str(error)
            tables.skip(entry.revision)
            return None
        self.unreadable.pop(entry.key, None)
        tables.apply(envelope, snapshot, entry.revision)
        return SnapshotKind(envelope.kind), envelope.id

    def _replace(self, building: Tables) -> None:
        before, self._tables = self._tables.freeze(), building
        self._ready.set()
        self._advance()
        now = building.current
        changed = [(SnapshotKind.SOURCE, key) for key in before.sources.keys() | now.sources.keys()]
        changed += [(SnapshotKind.DESTINATION, key) for key in before.destinations.keys() | now.destinations.keys()]
        changed += [(SnapshotKind.WAREHOUSE, key) for key in before.warehouses.keys() | now.warehouses.keys()]
        self._tell(changed)

    def _advance(self) -> None:
        self._advanced.set()
        self._advanced = asyncio.Event()

    def _tell(self, changed: list[tuple[SnapshotKind, str]]) -> None:
        for listener in self._listeners if changed else ():
            for kind, identifier in changed:
                try:
                    listener(kind, identifier)
                except Exception:
                    logger.exception("A listener to snapshots failed.", kind=kind, id=identifier)
