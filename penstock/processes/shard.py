"""One shard of the engine, put together from its parts."""

import asyncio

from penstock.delivery.attempt import Attempter
from penstock.delivery.engine import DeliveryEngine
from penstock.history import Quarantine
from penstock.infra.calls import CallClient
from penstock.infra.secrets import Sealer
from penstock.infra.snapshots import SnapshotView
from penstock.pipeline.engine import PipelineEngine
from penstock.pipeline.judging.people import hashing
from penstock.pipeline.readers import readers_of
from penstock.pipeline.retention import RetentionLoop
from penstock.processes.role import Role
from penstock.spec.calls import StatusReport
from penstock.spec.disk import DiskReport, Level
from penstock.spec.tail import Tap


class Shard:
    """Pipeline, delivery and retention of one shard."""

    def __init__(
        self, role: Role, view: SnapshotView, attempter: Attempter, sealer: Sealer, tap: Tap, number: int
    ) -> None:
        hashed = hashing(sealer.derive("people"))
        self.pipeline = PipelineEngine(role.settings, role.log, view, role.clock, number, tap, sealer.open, hashed)
        self.delivery = DeliveryEngine(role.settings, role.log, view, role.clock, attempter, sealer, number, tap)
        readers = readers_of(role.log, CallClient(role.log), number, self.delivery.positions)
        self.quarantine = Quarantine(role.log, number, view, self.delivery.again)
        self.retention = RetentionLoop(role.settings, role.log, role.clock, number, readers)
        self._number = number

    def make_room(self, room: DiskReport) -> None:
        """Give way as far as the room on disk asks for it."""
        self.retention.hurry(is_low=room.level >= Level.LOW)
        self.pipeline.hold(room.reason() if room.level >= Level.SCARCE else "")

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
