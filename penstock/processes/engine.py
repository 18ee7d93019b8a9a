"""The engine: pipeline, delivery and retention of every shard in one process, on one pool of runners."""

import asyncio
import os
from collections.abc import Coroutine
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import msgspec

from penstock.delivery.forwarding import Forwarding
from penstock.delivery.functions import FunctionAttempter
from penstock.delivery.laps import FunctionLaps
from penstock.delivery.order import gate_of
from penstock.delivery.runner import RunnerAttempter
from penstock.functions.logs import LogQueue
from penstock.functions.parsing import Parser
from penstock.functions.pool import FunctionPool, FunctionSettings
from penstock.functions.trial import Trials
from penstock.history import EventSamples, FunctionLogs, Shards
from penstock.infra.calls import Audience, CallServer
from penstock.infra.disk import DiskGauge
from penstock.infra.secrets import Sealer
from penstock.infra.snapshots import SnapshotView
from penstock.js import PoolSettings, RunnerPool
from penstock.kit.settings import Settings
from penstock.pipeline.what_if import WhatIfs
from penstock.processes.announcing import announce
from penstock.processes.environment import EMBEDDED_VARIABLE, outbound_policy
from penstock.processes.laps import LapWriters
from penstock.processes.reports import joined, with_functions
from penstock.processes.role import Role, run_role, run_until_stopped
from penstock.processes.shard import Shard
from penstock.spec.calls import FindHandlers, ForwardDeletions, ParseFunction, RoleStatus, StatusReport, TryFunction
from penstock.spec.function_logs import DropLogs, FindLogs
from penstock.spec.samples import FindSamples
from penstock.spec.tail import TailEvents, TailLine
from penstock.spec.what_if import WhatIf


def main() -> None:
    run_role("engine", serve)


async def serve(role: Role) -> None:
    """Run every shard until stopped. What a shard cannot mend ends the process, and the supervisor restarts it."""
    settings = role.settings
    async with AsyncExitStack() as stack:
        view = await SnapshotView.open(role.log)
        stack.push_async_callback(view.close)
        policy = outbound_policy(settings)
        bounds = FunctionSettings(settings.functions, settings.function_megabytes)
        tap: Audience[TailLine] = Audience(role.log, TailEvents, role.clock)
        stack.push_async_callback(tap.close)
        await tap.open()
        printed = LogQueue(role.log, role.clock, settings.nats_replicas, tap)
        stack.push_async_callback(printed.write)
        runners = await stack.enter_async_context(RunnerPool(policy, _pool_settings(settings)))
        functions = await stack.enter_async_context(FunctionPool(policy, bounds, printed))
        sealer = Sealer.load(Path(settings.data), os.environ)
        lapped = LapWriters(role.log, settings, view)
        stack.push_async_callback(lapped.close)
        laps = FunctionLaps(functions, lapped)
        attempter = FunctionAttempter(RunnerAttempter(runners), functions, view, sealer, laps)
        numbers = settings.engine_shards or range(settings.shards)
        shards = [Shard(role, view, attempter, sealer, tap, number) for number in numbers]
        calls = CallServer(role.log, role.name)
        stack.push_async_callback(calls.close)
        started_at = role.clock.now_ms()

        gauge = DiskGauge(settings, role.log, role.clock, is_embedded=EMBEDDED_VARIABLE in os.environ)
        for shard in shards:
            gauge.listen(shard.make_room)

        async def answer(_: RoleStatus) -> StatusReport:
            report = joined([await shard.status() for shard in shards], started_at)
            disk = {"disk": gauge.report.told()} if gauge.report else {}
            report = msgspec.structs.replace(report, details=report.details | disk)
            return with_functions(report, functions.started, functions.standing, functions.held())

        await calls.answer(RoleStatus, answer)
        await calls.answer(ParseFunction, Parser().answer)
        trials = Trials(functions.broker, functions.limits)
        await calls.answer(TryFunction, trials.answer)
        await calls.answer(FindHandlers, trials.handlers)
        forwarding = Forwarding(runners, functions, view, sealer, settings.attempt_seconds)
        await calls.answer(ForwardDeletions, forwarding.answer)
        what_ifs = WhatIfs(role.log, view, role.clock, settings.shards, gate_of, sealer.open)
        await calls.answer(WhatIf, what_ifs.answer)
        await calls.answer(FindSamples, EventSamples(role.log, view, settings.shards, sealer.open).answer)
        held = {number: shard.quarantine for number, shard in zip(numbers, shards, strict=True)}
        await stack.enter_async_context(Shards(role.log, held, settings.shards).answering(calls))
        logs = FunctionLogs(role.log, printed)
        stack.push_async_callback(logs.close)
        await calls.answer(FindLogs, logs.find)
        await calls.answer(DropLogs, logs.drop)
        await _run(role.stop, shards, gauge.run(), printed.run())


async def _run(stop: asyncio.Event, shards: list[Shard], *beside: Coroutine[Any, Any, None]) -> None:
    """All parts side by side; after a stop each finishes what it has in flight."""
    parts = [part for shard in shards for part in shard.parts()]
    try:
        retaining = (shard.retain() for shard in shards)
        announcing = _announce(shards)
        await run_until_stopped(stop, *(asyncio.shield(part) for part in parts), *retaining, announcing, *beside)
        for shard in shards:
            await shard.stop()
        await asyncio.gather(*parts)
    finally:
        for part in parts:
            part.cancel()
        await asyncio.gather(*parts, return_exceptions=True)


async def _announce(shards: list[Shard]) -> None:
    for shard in shards:
        await shard.delivery.wait_ready()
    announce("engine")
    await asyncio.Event().wait()  # a part that ends would end the others


def _pool_settings(settings: Settings) -> PoolSettings:
    return PoolSettings(settings.runners, settings.runner_megabytes, settings.runner_calls)


if __name__ == "__main__":
    main()
