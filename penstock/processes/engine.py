"""The engine: pipeline, delivery and retention of every shard in one process, on one pool of runners."""

import asyncio
import os
from collections import Counter
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

from penstock.delivery.engine import DeliveryEngine
from penstock.delivery.runner import RunnerAttempter
from penstock.infra.calls import CallClient, CallServer
from penstock.infra.http import OutboundPolicy
from penstock.infra.secrets import Sealer
from penstock.infra.snapshots import SnapshotView
from penstock.js import PoolSettings, RunnerPool
from penstock.kit.settings import Settings
from penstock.pipeline.engine import PipelineEngine
from penstock.pipeline.readers import readers_of
from penstock.pipeline.retention import RetentionLoop
from penstock.processes.role import Role, run_role, run_until_stopped
from penstock.spec.calls import RoleStatus, StatusReport

OWN_PORTS_VARIABLE = "PENSTOCK_OWN_PORTS"
"""Ports of the tree, separated by commas: no destination may call them."""


def main() -> None:
    run_role("engine", serve)


async def serve(role: Role) -> None:
    """Run every shard until stopped. What a shard cannot mend ends the process, and the supervisor restarts it."""
    settings = role.settings
    async with AsyncExitStack() as stack:
        view = await SnapshotView.open(role.log)
        stack.push_async_callback(view.close)
        pool = await stack.enter_async_context(RunnerPool(_policy(settings), _pool_settings(settings)))
        sealer = Sealer.load(Path(settings.data), os.environ)
        shards = [Shard(role, view, RunnerAttempter(pool), sealer, number) for number in range(settings.shards)]
        calls = CallServer(role.log, role.name)
        stack.push_async_callback(calls.close)
        started_at = role.clock.now_ms()

        async def answer(_: RoleStatus) -> StatusReport:
            return joined([await shard.status() for shard in shards], started_at)

        await calls.answer(RoleStatus, answer)
        await _run(role.stop, shards)


class Shard:
    """Pipeline, delivery and retention of one shard."""

    def __init__(self, role: Role, view: SnapshotView, attempter: RunnerAttempter, sealer: Sealer, number: int) -> None:
        self.pipeline = PipelineEngine(role.settings, role.log, view, role.clock, number)
        self.delivery = DeliveryEngine(role.settings, role.log, view, role.clock, attempter, sealer, number)
        readers = readers_of(role.log, CallClient(role.log), number, self.delivery.positions)
        self.retention = RetentionLoop(role.settings, role.log, role.clock, number, readers)
        self._number = number

    def parts(self) -> list["asyncio.Future[None]"]:
        return [asyncio.ensure_future(self.pipeline.run()), asyncio.ensure_future(self.delivery.run())]

    async def retain(self) -> None:
        """Purge, from when delivery has told what it needs."""
        await self.delivery.wait_ready()
        await self.retention.run()

    async def stop(self) -> None:
        self.pipeline.stop()
        await self.delivery.stop()

    async def status(self) -> StatusReport:
        """The pipeline's report, completed by delivery's gauges."""
        report = await self.pipeline.status()
        gauges = self.delivery.status()
        outcomes: dict[str, int] = gauges.pop("outcomes")
        counts = report.counts | {f"delivery.{outcome}": count for outcome, count in outcomes.items()}
        return StatusReport(
            role="engine",
            state=report.state,
            reasons=report.reasons,
            pid=report.pid,
            started_at=report.started_at,
            lag=report.lag,
            counts=counts,
            details={str(self._number): report.details | {"delivery": gauges}},
        )


async def _run(stop: asyncio.Event, shards: list[Shard]) -> None:
    """All parts side by side; after a stop each finishes what it has in flight."""
    parts = [part for shard in shards for part in shard.parts()]
    try:
        retaining = (shard.retain() for shard in shards)
        await run_until_stopped(stop, *(asyncio.shield(part) for part in parts), *retaining)
        for shard in shards:
            await shard.stop()
        await asyncio.gather(*parts)
    finally:
        for part in parts:
            part.cancel()
        await asyncio.gather(*parts, return_exceptions=True)


def joined(reports: list[StatusReport], started_at: int) -> StatusReport:
    """One report of the role from those of its shards; the worst state counts."""
    order = ("failing", "starting", "ready")
    counts: Counter[str] = Counter()
    lag: dict[str, int] = {}
    details: dict[str, Any] = {}
    for report in reports:
        counts.update(report.counts)
        lag |= report.lag
        details |= report.details
    state = min((report.state for report in reports), key=order.index)
    reasons = [reason for report in reports for reason in report.reasons]
    return StatusReport("engine", state, reasons, os.getpid(), started_at, lag, dict(counts), details)


def _policy(settings: Settings) -> OutboundPolicy:
    ports = [int(port) for port in os.environ.get(OWN_PORTS_VARIABLE, "").split(",") if port]
    return OutboundPolicy.checked(settings.outbound_allow, settings.host, ports)


def _pool_settings(settings: Settings) -> PoolSettings:
    return PoolSettings(settings.runners, settings.runner_megabytes, settings.runner_calls)


if __name__ == "__main__":
    main()
