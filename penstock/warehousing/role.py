"""The warehousing role: every warehouse synced at its interval and on demand, each file open only while there is work.

This is the only process that opens the embedded file. A warehouse that fails does not hold the others; an interval in
which nothing was routed costs one look at each stream, however many sources there are.
"""

import asyncio
import contextlib
from pathlib import Path
from typing import Any, Protocol

import msgspec
import structlog

from penstock.catalog.warehouses.drivers import driver_of
from penstock.catalog.warehouses.port import WarehouseError
from penstock.infra.log import Log, LogError, StreamState
from penstock.infra.secrets import SealError
from penstock.infra.snapshots import SnapshotView
from penstock.kit.clock import Clock
from penstock.kit.settings import Settings
from penstock.spec import streams
from penstock.spec.snapshot import WarehouseSnapshot
from penstock.warehousing.loading import Target
from penstock.warehousing.syncing import WarehouseSync

logger = structlog.get_logger(__name__)


class Opener(Protocol):
    """Opens what the control plane has sealed."""

    def open(self, sealed: bytes) -> bytes: ...


class WarehousingRole:
    """`run` until `stop`. `answers.serve_calls` lets others ask it."""

    def __init__(self, settings: Settings, log: Log, view: SnapshotView, clock: Clock, opener: Opener) -> None:
        self.settings = settings
        self.log = log
        self.clock = clock
        self.started_at = clock.now_ms()
        self.syncs: dict[str, WarehouseSync] = {}
        self.refused: dict[str, str] = {}
        """Warehouses that cannot be opened as they are configured, with the reason."""
        self._view = view
        self._opener = opener
        self._stopping = asyncio.Event()
        self._woken = asyncio.Event()
        self._matching = asyncio.Lock()

    async def run(self) -> None:
        """Sync at every interval, until stopped; then close the files."""
        try:
            due = self.clock.monotonic()
            while not self._stopping.is_set():
                if self.clock.monotonic() >= due:
                    await self._round()
                    due = self.clock.monotonic() + self.settings.sync_seconds
                await self._close_idle()
                await self._wait(due - self.clock.monotonic())
        finally:
            for sync in self.syncs.values():
                await sync.end()

    def stop(self) -> None:
        self._stopping.set()
        self._woken.set()

    def wake(self) -> None:
        """Work was done outside the interval: a file may be open that must be closed in time."""
        self._woken.set()

    async def sync(self, warehouse_id: str = "") -> dict[str, str]:
        """Load what is routed now into all warehouses, or one; answers the errors. Raises LogError."""
        ends = {shard: await self._end(shard) for shard in range(self.settings.shards)}
        # What was routed up to here was judged by snapshots that are published: the view must have them too.
        await self._view.refresh()
        async with self._matching:
            await self._match_warehouses()
        errors = {key: text for key, text in self.refused.items() if warehouse_id in ("", key)}
        for identifier, sync in list(self.syncs.items()):
            if warehouse_id in ("", identifier) and (error := await self._sync_one(sync, ends)):
                errors[identifier] = error
        self.wake()
        return errors

    async def _round(self) -> None:
        try:
            await self.sync()
        except LogError as error:
            logger.warning("The log cannot be read; the sync waits.", reason=str(error))
        except Exception:
            logger.exception("A round of syncs failed.")

    async def _end(self, shard: int) -> StreamState:
        return await self.log.state(streams.routed(shard))

    async def _sync_one(self, sync: WarehouseSync, ends: dict[int, StreamState]) -> str:
        try:
            await sync.sync(self._view.frozen(), ends)
        except LogError:
            raise
        except WarehouseError as error:
            await sync.fail(error)
            return str(error)
        except Exception as error:
            logger.exception(
                "A warehouse sync failed in a way that was not foreseen.", warehouse=sync.target.snapshot.id
            )
            await sync.fail(error)
            return f"{type(error).__name__}: {error}"
        return ""

    async def _match_warehouses(self) -> None:
        """Bring `syncs` in line with the snapshots: enabled ones are synced, the others are let go."""
        enabled = {key: found for key, found in self._view.warehouses.items() if found.enabled}
        for identifier in self.syncs.keys() - enabled.keys():
            await self.syncs.pop(identifier).end()
        self.refused = {key: text for key, text in self.refused.items() if key in enabled}
        for warehouse in sorted(enabled.values(), key=lambda found: (found.created_at, found.id)):
            known = self.syncs.get(warehouse.id)
            if known is not None and known.target.snapshot.sealed_settings == warehouse.sealed_settings:
                continue
            try:
                await self._begin(warehouse)
            except (WarehouseError, SealError, ValueError) as error:
                if self.refused.get(warehouse.id) != str(error):
                    logger.error("A warehouse cannot be used.", warehouse=warehouse.id, reason=str(error))  # noqa: TRY400
                self.refused[warehouse.id] = str(error)

    async def _begin(self, warehouse: WarehouseSnapshot) -> None:
        if (before := self.syncs.pop(warehouse.id, None)) is not None:
            await before.end()
        driver = driver_of(warehouse.slug)
        location = driver.location(self._settings_of(warehouse), str(Path(self.settings.data) / "warehouse"))
        for other in self.syncs.values():
            if other.target.location == location:
                raise WarehouseError(f"warehouse {other.target.snapshot.id} uses the same file")
        target = Target(warehouse, driver, location, self.settings.sql_megabytes, self.clock)
        sync = WarehouseSync(self.log, target, self.clock)
        self.syncs[warehouse.id] = sync
        self.refused.pop(warehouse.id, None)
        try:
            await sync.recover(self.settings.shards)
        except WarehouseError as error:
            await sync.fail(error)

    def _settings_of(self, warehouse: WarehouseSnapshot) -> dict[str, Any]:
        if not warehouse.sealed_settings:
            return {}
        found = msgspec.json.decode(self._opener.open(warehouse.sealed_settings))
        return found if isinstance(found, dict) else {}

    async def _close_idle(self) -> None:
        for sync in self.syncs.values():
            await sync.target.close_if_idle(self.settings.warehouse_idle_seconds)

    async def _wait(self, seconds: float) -> None:
        if any(sync.target.is_open for sync in self.syncs.values()):
            seconds = min(seconds, self.settings.warehouse_idle_seconds)
        self._woken.clear()
        if self._stopping.is_set():
            return
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._woken.wait(), max(seconds, 0.01))
