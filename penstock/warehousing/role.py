"""The warehousing role: every warehouse synced at its interval and on demand, each file open only while there is work.

This is the only process that opens the embedded file. A warehouse that fails does not hold the others; an interval in
which nothing was routed costs one look at each stream, however many sources there are.
"""

import asyncio
import contextlib
from functools import partial
from pathlib import Path
from typing import Any, Protocol

import msgspec
import structlog

from penstock.catalog.warehouses.drivers import driver_of
from penstock.catalog.warehouses.port import Place, Site, Warehouse, WarehouseError
from penstock.infra.disk import DirectoryRoom
from penstock.infra.http import OutboundPolicy
from penstock.infra.log import Log, LogError, StreamState
from penstock.infra.secrets import SealError
from penstock.infra.snapshots import SnapshotView
from penstock.kit.clock import Clock
from penstock.kit.settings import Settings
from penstock.spec import streams
from penstock.spec.calls import ForgetObjects, ForgetPeople
from penstock.spec.deletions import Deleted, Deletions
from penstock.spec.disk import Level
from penstock.spec.quarantine import FindAnonymousRows, FoundAnonymous
from penstock.spec.snapshot import WarehouseSnapshot
from penstock.spec.tail import CLOSED, Tap
from penstock.warehousing.leaving import LeftFiles, added
from penstock.warehousing.loading import Target
from penstock.warehousing.reading import schema_name_of
from penstock.warehousing.schedule import is_due
from penstock.warehousing.syncing import WarehouseSync

logger = structlog.get_logger(__name__)
_HOUR_MS = 3_600_000


class Opener(Protocol):
    """Opens what the control plane has sealed."""

    def open(self, sealed: bytes) -> bytes: ...


class WarehousingRole:
    """`run` until `stop`. `answers.serve_calls` lets others ask it."""

    def __init__(
        self,
        settings: Settings,
        log: Log,
        view: SnapshotView,
        clock: Clock,
        opener: Opener,
        policy: OutboundPolicy | None = None,
        tap: Tap = CLOSED,
    ) -> None:
        self.settings = settings
        self.log = log
        self.clock = clock
        self.started_at = clock.now_ms()
        self.syncs: dict[str, WarehouseSync] = {}
        self.room = DirectoryRoom(settings)
        self.refused: dict[str, str] = {}
        """Warehouses that cannot be opened as they are configured, with the reason."""
        self._view = view
        self._opener = opener
        self._deletions = Deletions(opener.open)
        self._policy = policy or OutboundPolicy()
        self._tap = tap
        self._left = LeftFiles()
        self._stopping = asyncio.Event()
        self._woken = asyncio.Event()
        self._matching = asyncio.Lock()
        self._timed_at: dict[str, int] = {}
        """When each warehouse was last loaded because it was time."""

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

    async def sync(self, warehouse_id: str = "", *, is_timed: bool = False) -> dict[str, str]:
        """Load what is routed now into all warehouses, or one; answers the errors. Raises LogError.

        Where the clock asks and nobody else, a warehouse with a schedule waits for its hours.
        """
        ends = {shard: await self._end(shard) for shard in range(self.settings.shards)}
        # What was routed up to here was judged by snapshots that are published: the view must have them too.
        await self._view.refresh()
        async with self._matching:
            await self._match_warehouses()
        errors = {key: text for key, text in self.refused.items() if warehouse_id in ("", key)}
        if held := self.held():
            logger.warning("Syncs wait for room on disk.", warehouses=list(held))
        for identifier, sync in list(self.syncs.items()):
            if warehouse_id not in ("", identifier):
                continue
            if identifier in held:
                errors[identifier] = held[identifier]
                continue
            if is_timed and not self._is_due(identifier):
                continue
            if error := await self._sync_one(sync, ends):
                errors[identifier] = error
        self.wake()
        return errors

    async def forget(self, call: ForgetPeople | ForgetObjects) -> dict[str, int]:
        """Delete people or objects from one warehouse, also one that is no more and has left files.

        Answers rows by table. Raises WarehouseError, LogError.
        """
        # From here on no load brings them back: it looks at who was deleted when it begins.
        sync = await self._sync_of(call.warehouse_id, may_be_gone=call.has_left)
        schemas = self._schemas(sync, call.source_id)

        def forget(warehouse: Warehouse) -> dict[str, int]:
            if isinstance(call, ForgetObjects):
                return warehouse.forget_objects(call.object_ids, call.collection, schemas)
            return warehouse.forget(call.user_ids, schemas)

        try:
            rows = {} if sync is None else await sync.forget(forget, is_last=call.is_last)
            if not call.has_left:
                return rows
            targets = [each.target for each in self.syncs.values()]
            loaded = {each.place.name for each in targets if each.has_loaded or each.snapshot.id == call.warehouse_id}
            left = await self._left.forget(self.site(call.warehouse_id), loaded, forget, is_last=call.is_last)
            return added(rows, left)
        finally:
            self.wake()

    async def find_anonymous(self, call: FindAnonymousRows) -> FoundAnonymous:
        """Which anonymous ids one warehouse has beside users. Raises WarehouseError, LogError."""
        sync = await self._sync_of(call.warehouse_id)
        if sync is None:
            return FoundAnonymous(frozenset())
        wanted = [each for each in self._view.sources.values() if each.workspace_id == call.workspace_id]
        schemas = {schema_name_of(each.id, each): each.id for each in wanted if call.source_id in ("", each.id)}
        among: dict[str, list[str] | None] = {
            schema: None if call.among is None else [each for source, each in call.among if source == source_id]
            for schema, source_id in schemas.items()
        }
        asked = {schema: ids for schema, ids in among.items() if ids is None or ids}
        found: dict[str, list[str]] = {}
        try:
            found = await sync.look(lambda warehouse: warehouse.find_anonymous(sorted(call.users), asked), found)
        finally:
            self.wake()
        return FoundAnonymous(frozenset((schemas[schema], each) for schema, ids in found.items() for each in ids))

    async def _sync_of(self, warehouse_id: str, *, may_be_gone: bool = False) -> WarehouseSync | None:
        """As it is configured now; None only where it may be gone, and is. Raises WarehouseError, LogError."""
        await self._view.refresh()
        async with self._matching:
            await self._match_warehouses()
        sync = self.syncs.get(warehouse_id)
        is_gone = may_be_gone and warehouse_id not in self._view.warehouses
        if sync is None and not is_gone:
            raise WarehouseError(self.refused.get(warehouse_id, "there is no such warehouse, or it is disabled"))
        return sync

    def _schemas(self, sync: WarehouseSync | None, source_id: str) -> list[str] | None:
        """Those of the sources that are meant; None: all of a target that holds nothing else."""
        if sync is None:
            found = self._view.sources.get(source_id)
            return [schema_name_of(source_id, found)] if source_id else None
        if not source_id and sync.target.place.is_local:
            return None
        workspace_id = sync.target.snapshot.workspace_id
        sources = [each for each in self._view.sources.values() if each.workspace_id == workspace_id]
        return [schema_name_of(each.id, each) for each in sources if source_id in ("", each.id)]

    def _deleted(self, workspace_id: str) -> Deleted | None:
        return self._deletions.among(self._view.deletions_of(workspace_id))

    def held(self) -> dict[str, str]:
        """Warehouses that wait for room in the data directory: what they load would take what its neighbours need."""
        try:
            reason = self.room.reason(Level.SCARCE)
        except OSError as error:
            logger.warning("The room on disk cannot be measured.", reason=str(error))
            return {}
        return {key: reason for key, sync in self.syncs.items() if sync.target.place.is_local} if reason else {}

    async def _round(self) -> None:
        try:
            await self.sync(is_timed=True)
        except LogError as error:
            logger.warning("The log cannot be read; the sync waits.", reason=str(error))
        except Exception:
            logger.exception("A round of syncs failed.")

    def _is_due(self, warehouse_id: str) -> bool:
        found = self._view.warehouses.get(warehouse_id)
        last, now = self._timed_at.get(warehouse_id, 0), self.clock.now_ms()
        if not is_due(found.schedule if found else None, last or now - _HOUR_MS, now):
            return False
        self._timed_at[warehouse_id] = now
        return True

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
        place = self.place(warehouse.slug, warehouse.sealed_settings, warehouse.id)
        target = Target(warehouse, place, self.clock)
        sync = WarehouseSync(self.log, target, self.clock, self._tap, partial(self._deleted, warehouse.workspace_id))
        self.syncs[warehouse.id] = sync
        self.refused.pop(warehouse.id, None)
        try:
            await sync.recover(self.settings.shards)
        except WarehouseError as error:
            await sync.fail(error)

    def place(self, slug: str, sealed_settings: bytes, warehouse_id: str) -> Place:
        """What the settings of a warehouse lead to. Raises WarehouseError, SealError."""
        place = driver_of(slug).place(self._opened(sealed_settings), self.site(warehouse_id))
        for key, other in self.syncs.items():
            if key != warehouse_id and other.target.place.name == place.name:
                raise WarehouseError(f"warehouse {key} uses the same target")
        return place

    def site(self, warehouse_id: str) -> Site:
        directory = str(Path(self.settings.data) / "warehouse")
        return Site(warehouse_id, directory, self.settings.sql_megabytes, self._policy)

    def _opened(self, sealed_settings: bytes) -> dict[str, Any]:
        if not sealed_settings:
            return {}
        found = msgspec.json.decode(self._opener.open(sealed_settings))
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
            async with asyncio.timeout(max(seconds, 0.01)):
                await self._woken.wait()
