"""The publisher: brings what transactions changed to the data plane, in order, and repairs what differs.

It drains the outbox oldest first; the store writes by compare-and-set, and a lower version never replaces a higher. At
start, and from time to time, it compares the bucket with the rows. While the log is down the API goes on, answers after
PATIENCE_SECONDS, and the publisher catches up later.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from penstock.api.outbox import REFERRED_TO_FIRST, OutboxRow, delete_until, select_oldest
from penstock.infra.db import DATABASE_DOWN, Database, reason_of
from penstock.infra.faults import fault_pause
from penstock.infra.log import Log, LogError
from penstock.infra.secrets import Sealer
from penstock.infra.snapshots import SnapshotStore, SnapshotTooLargeError, SnapshotView
from penstock.kit.backoff import backoff
from penstock.resources.comparing import is_same
from penstock.spec.snapshot import Snapshot, SnapshotKind, decode_snapshot
from penstock.spec.streams import SNAPSHOTS

logger = structlog.get_logger(__name__)
PATIENCE_SECONDS = 1.0
BUSY_SECONDS = 5.0
"""While the log is there: who is answered before the publishing may send events that nobody knows the source of."""
COMPARE_SECONDS = 300.0
_BATCH = 64

SelectSnapshots = Callable[[AsyncConnection, Sealer], Awaitable[Iterable[tuple[SnapshotKind, Snapshot]]]]


class Publisher:
    """One per API process. Where there are several they do some work twice, without harm.

    For what waits: rows are numbered in the order of the commits, and go only after they are published.
    """

    def __init__(self, database: Database, log: Log, sealer: Sealer, rows: SelectSnapshots) -> None:
        self._database = database
        self._log = log
        self._sealer = sealer
        self._rows = rows
        self._wake = asyncio.Event()
        self._advanced = asyncio.Condition()
        self._awaited = 0
        self._done = 0
        self.count = 0
        """Changes that were published since this process began."""
        self.is_started = False
        """Whether the bucket has told what the rows tell since this process began."""
        self._behind_since: float | None = None

    @property
    def is_current(self) -> bool:
        """Whether everything that was committed is published, as far as is known."""
        return self.is_started and self._behind_since is None

    @property
    def waiting(self) -> int:
        """Changes that are not published yet, as far as somebody waits for them."""
        return max(0, self._awaited - self._done)

    def behind_seconds(self) -> float:
        """For how long something has waited to be published."""
        return 0.0 if self._behind_since is None else asyncio.get_running_loop().time() - self._behind_since

    def _fall_behind(self) -> None:
        if self._behind_since is None:
            self._behind_since = asyncio.get_running_loop().time()

    async def published(self, number: int) -> None:
        """Return when the outbox row is published; after PATIENCE_SECONDS without the log, BUSY_SECONDS with it."""
        self._fall_behind()
        self._awaited = max(self._awaited, number)
        self._wake.set()
        try:
            patience = BUSY_SECONDS if self._log.is_connected else PATIENCE_SECONDS
            async with asyncio.timeout(patience), self._advanced:
                await self._advanced.wait_for(lambda: self._done >= number)
        except TimeoutError:
            logger.warning("A change is answered before it is published.", number=number)

    async def run(self) -> None:
        """Publish for ever; the log may come and go."""
        waits = backoff(0.1, 5.0)
        while True:
            try:
                store = SnapshotStore(await self._log.bucket(SNAPSHOTS))
                await self._repair(store)
                waits = backoff(0.1, 5.0)
                await self._follow(store)
            except (LogError, *DATABASE_DOWN) as error:
                self._fall_behind()
                logger.warning("Publishing waits for the log or the database.", reason=reason_of(error))
                await asyncio.sleep(next(waits) if self._log.is_connected else 0)
                # Not a moment longer: events with keys that are not published yet may come as soon as it is back.
                await self._log.wait_connected()

    async def _follow(self, store: SnapshotStore) -> None:
        while True:
            self._wake.clear()
            await self._drain(store)
            try:
                # `wait_for` would lose a cancellation that comes as it is woken.
                async with asyncio.timeout(COMPARE_SECONDS):
                    await self._wake.wait()
            except TimeoutError:
                await self._repair(store)

    async def _drain(self, store: SnapshotStore) -> None:
        while True:
            awaited = self._awaited
            if not (rows := await self._oldest()):
                break
            await fault_pause("publisher.before_publish")
            for row in rows:
                await self._publish(store, row)
            await self._advance(rows[-1].number)
            async with self._database.writing() as connection:
                await delete_until(connection, rows[-1].number)
        # What was committed before this look and is not there any more, another process has published.
        await self._advance(awaited)
        self.is_started = True
        self._behind_since = None

    async def _advance(self, number: int) -> None:
        async with self._advanced:
            self._done = max(self._done, number)
            self._advanced.notify_all()

    async def _oldest(self) -> list[OutboxRow]:
        async with self._database.reading() as connection:
            return await select_oldest(connection, _BATCH)

    async def _publish(self, store: SnapshotStore, row: OutboxRow) -> None:
        envelope, snapshot = decode_snapshot(row.payload)
        kind = SnapshotKind(envelope.kind)
        try:
            if snapshot is None:
                stands = await store.bury(kind, envelope.workspace_id, envelope.id, envelope.version)
            else:
                stands = await store.publish(kind, snapshot)
        except SnapshotTooLargeError:
            logger.exception("A snapshot is too large to be published.", kind=kind, id=envelope.id)
            return
        self.count += 1
        if not stands:
            logger.info("A newer snapshot stands there already.", kind=kind, id=envelope.id, version=envelope.version)

    async def _repair(self, store: SnapshotStore) -> None:
        """Make the bucket tell what the rows tell: the outbox of a restored database says nothing of the difference.

        The bucket is read before the rows, so what the rows lack was deleted and is not merely newer. Once, at the
        start, the contents are compared too: this release, or this catalog, may make something else of the same row.
        """
        published = await self._published()
        async with self._database.reading(is_long=True) as connection:
            rows = list(await self._rows(connection, self._sealer))
        for kind, snapshot in sorted(rows, key=lambda row: REFERRED_TO_FIRST.index(row[0])):
            standing = published.pop((kind, snapshot.workspace_id, snapshot.id), None)
            if standing is None or standing.version < snapshot.version:
                await store.publish(kind, snapshot)
            elif standing.version > snapshot.version:
                logger.error("The data plane has a newer version than the database.", kind=kind, id=snapshot.id)
            elif not self.is_started and not is_same(standing, snapshot, self._sealer):
                await store.publish(kind, snapshot, is_other=True)
        for (kind, workspace_id, identifier), buried in published.items():
            await store.bury(kind, workspace_id, identifier, buried.version + 1)

    async def _published(self) -> dict[tuple[SnapshotKind, str, str], Snapshot]:
        view = await SnapshotView.open(self._log)
        try:
            living: dict[SnapshotKind, Mapping[str, Snapshot]] = {
                SnapshotKind.DESTINATION: view.destinations,
                SnapshotKind.WAREHOUSE: view.warehouses,
                SnapshotKind.SOURCE: view.sources,
                SnapshotKind.PLAN: view.plans,
                SnapshotKind.FUNCTION: view.functions,
                SnapshotKind.SUPPRESSION: view.suppressions,
                SnapshotKind.DELETION: view.deletions,
            }
            return {
                (kind, each.workspace_id, each.id): each
                for kind, snapshots in living.items()
                for each in snapshots.values()
            }
        finally:
            await view.close()
