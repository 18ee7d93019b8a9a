"""The calls that the role answers: sync now, query the embedded warehouse, tell how it is."""

import asyncio
import os

import structlog

from penstock.catalog.warehouses.port import QueryLimits, Step, WarehouseError, WarehouseLocked, WarehouseUnreachable
from penstock.infra.calls import CallFailed, CallServer
from penstock.infra.log import LogError
from penstock.infra.secrets import SealError
from penstock.spec import routed, streams
from penstock.spec.calls import (
    ForgetObjects,
    ForgetPeople,
    ForgetReport,
    QueryResult,
    QueryWarehouse,
    RoleStatus,
    StatusReport,
    SyncReport,
    SyncWarehouses,
    ValidateWarehouse,
    ValidationReport,
)
from penstock.spec.quarantine import FindAnonymousRows, FoundAnonymous
from penstock.warehousing.role import WarehousingRole

logger = structlog.get_logger(__name__)

EMBEDDED_SLUG = "duckdb"
_ROUTING_SECONDS = 30.0
"""How long a sync waits for the pipeline while that makes no progress."""
_LOOK_SECONDS = 0.02
_CHECKS_AT_ONCE = 4
"""Warehouses that are connected to, to see whether they can be: each may take as long as a network is silent."""


class Answers:
    """Handlers by call."""

    def __init__(self, role: WarehousingRole) -> None:
        self._role = role
        self._running: set[asyncio.Task[SyncReport]] = set()
        self._checks = asyncio.Semaphore(_CHECKS_AT_ONCE)

    async def sync(self, call: SyncWarehouses) -> SyncReport:
        """Everything accepted before the call is loaded when this answers. The load outlives an asker who gives up."""
        task = asyncio.create_task(self._sync(call.warehouse_id), name="sync on call")
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        return await asyncio.shield(task)

    async def query(self, call: QueryWarehouse) -> QueryResult:
        settings = self._role.settings
        limits = QueryLimits(
            max(1, min(call.row_limit, settings.sql_rows)),
            max(0.001, min(call.seconds_limit, settings.sql_seconds)),
            settings.sql_megabytes,
        )
        for sync in self._role.syncs.values():
            if sync.target.snapshot.slug == EMBEDDED_SLUG:
                try:
                    return await sync.target.query(call.statement, limits)
                except WarehouseError as error:
                    return QueryResult([], [], [], False, str(error))
                finally:
                    self._role.wake()
        return QueryResult([], [], [], False, "there is no embedded warehouse that is enabled")

    async def validate(self, call: ValidateWarehouse) -> ValidationReport:
        """Connect, and see that schemas may be made."""
        try:
            place = self._role.place(call.slug, call.sealed_settings, call.warehouse_id)
            async with self._checks:
                await asyncio.to_thread(place.check)
        except WarehouseUnreachable as error:
            report = ValidationReport(error.step, str(error))
        except (WarehouseError, SealError, ValueError) as error:
            report = ValidationReport(Step.SETTINGS, str(error))
        else:
            return ValidationReport()
        logger.info("A warehouse cannot be connected to.", warehouse=call.warehouse_id, kind=call.slug, **_told(report))
        return report

    async def forget(self, call: ForgetPeople | ForgetObjects) -> ForgetReport:
        """Delete people or objects from one warehouse."""
        try:
            return ForgetReport(await self._role.forget(call))
        except (WarehouseError, LogError) as error:
            return ForgetReport(error=_without_values(error))

    async def find_anonymous(self, call: FindAnonymousRows) -> FoundAnonymous:
        try:
            return await self._role.find_anonymous(call)
        except (WarehouseError, LogError) as error:
            raise CallFailed("refused", _without_values(error), "warehousing") from error

    async def status(self, _call: RoleStatus) -> StatusReport:
        role = self._role
        reasons = [f"warehouse {key}: {text}" for key, text in role.refused.items()]
        reasons += [f"warehouse {key}: {sync.error}" for key, sync in role.syncs.items() if sync.error]
        reasons += [f"warehouse {key} waits: {text}" for key, text in role.held().items()]
        totals = [sync.totals for sync in role.syncs.values()]
        return StatusReport(
            role="warehousing",
            state="failing" if reasons else "ready",
            reasons=reasons,
            pid=os.getpid(),
            started_at=role.started_at,
            lag=await self._lag(),
            counts={
                "rows": sum(total.rows for total in totals),
                "events": sum(total.events for total in totals),
                "syncs": sum(total.syncs for total in totals),
            },
            details={"open": [key for key, sync in role.syncs.items() if sync.target.is_open]},
        )

    async def _lag(self) -> dict[str, int]:
        found = {}
        for shard in range(self._role.settings.shards):
            end = await self._role.log.state(streams.routed(shard))
            behind = [end.last - sync.positions.get(shard, 0) for sync in self._role.syncs.values()]
            found[streams.routed(shard)] = max((0, *behind))
        return found

    async def _sync(self, warehouse_id: str) -> SyncReport:
        role = self._role
        before = self._loaded(warehouse_id)
        try:
            late = [shard for shard in range(role.settings.shards) if not await self._wait_until_routed(shard)]
            errors = await role.sync(warehouse_id)
        except LogError as error:
            raise CallFailed("log_unavailable", f"the log cannot be read: {error}", "warehousing") from error
        if late:
            text = "events that were accepted before this sync are not routed yet: the pipeline makes no progress"
            errors.update({key: errors.get(key, text) for key in role.syncs if warehouse_id in ("", key)})
        if warehouse_id and warehouse_id not in role.syncs and warehouse_id not in errors:
            errors[warehouse_id] = "there is no such warehouse, or it is disabled"
        after = self._loaded(warehouse_id)
        return SyncReport(after[0] - before[0], after[1] - before[1], errors)

    def _loaded(self, warehouse_id: str) -> tuple[int, int]:
        chosen = [sync.totals for key, sync in self._role.syncs.items() if warehouse_id in ("", key)]
        return sum(total.rows for total in chosen), sum(total.events for total in chosen)

    async def _wait_until_routed(self, shard: int) -> bool:
        """Whether the pipeline has covered what is accepted now; False where it stands still for too long."""
        log, clock = self._role.log, self._role.clock
        accepted = (await log.state(streams.accepted(shard))).last
        covered = await self._covered(shard)
        deadline = clock.monotonic() + _ROUTING_SECONDS
        while covered < accepted:
            if clock.monotonic() >= deadline:
                return False
            await clock.sleep(_LOOK_SECONDS)
            before, covered = covered, await self._covered(shard)
            if covered > before:
                deadline = clock.monotonic() + _ROUTING_SECONDS
        return True

    async def _covered(self, shard: int) -> int:
        last = await self._role.log.last(streams.routed(shard), streams.routed_subject(shard))
        return routed.decoder.head(last.payload).covers if last else 0


def _without_values(error: Exception) -> str:
    """What went wrong. A target's own text may hold values of rows, and this is kept for longer than the person."""
    cause = error.__cause__
    if cause is None or isinstance(error, WarehouseUnreachable | WarehouseLocked | LogError):
        return str(error)
    kind = type(cause).__name__
    return (
        f"the target has refused: {kind}: {cause.strerror}"
        if isinstance(cause, OSError)
        else f"the target has refused: {kind}"
    )


def _told(report: ValidationReport) -> dict[str, str]:
    return {"step": report.step, "reason": report.reason}


async def serve_calls(role: WarehousingRole) -> CallServer:
    """Answer calls to `role` until the returned server is closed."""
    answers = Answers(role)
    server = CallServer(role.log, "warehousing")
    await server.answer(SyncWarehouses, answers.sync)
    await server.answer(QueryWarehouse, answers.query)
    await server.answer(ValidateWarehouse, answers.validate)
    await server.answer(ForgetPeople, answers.forget)
    await server.answer(ForgetObjects, answers.forget)
    await server.answer(FindAnonymousRows, answers.find_anonymous)
    await server.answer(RoleStatus, answers.status)
    return server
