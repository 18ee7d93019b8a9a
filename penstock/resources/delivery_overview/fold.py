"""The fold: adds what the data plane reports to counters, each report exactly once.

Two kinds of reports: facts (stream FACTS) and `settled` messages (stream DELIVERY-<shard>). Invariants:
- Counters, sync records and watermark change in one SQL transaction, so a kill repeats or skips nothing.
- A fact is applied only where `after` equals the watermark of its subject; a lower one is old, a higher one an alarm.
- Settlings have no range of their own: they are read in order, and the sequence is the watermark.
"""

from collections.abc import Callable, Sequence
from contextlib import aclosing

import msgspec
import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from penstock.infra.db import DATABASE_DOWN, Database, reason_of
from penstock.infra.log import Log, LogError, Message
from penstock.kit.backoff import backoff
from penstock.kit.clock import Clock
from penstock.kit.sketch import Sketch, SketchError
from penstock.resources.delivery_overview.repository import (
    Watermark,
    add_counts,
    add_latencies,
    get_watermark,
    put_watermark,
)
from penstock.resources.schema import add_seen
from penstock.resources.usage import add_usage
from penstock.resources.violations import add_violations
from penstock.resources.warehouse_syncs import ReportedSync, add_syncs
from penstock.spec import delivery, facts
from penstock.spec.facts import CountedLatency, CountedOutcome, CountedUsage, SeenOnDay, ViolatedOnDay
from penstock.spec.frame import FrameError

logger = structlog.get_logger(__name__)


class Report(msgspec.Struct, frozen=True):
    """What one message adds. `after` is what the subject's watermark must be, -1 where any will do."""

    subject: str
    after: int
    to: int
    sequence: int
    outcomes: list[CountedOutcome]
    syncs: list[ReportedSync] = []
    usage: list[CountedUsage] = []
    seen: list[SeenOnDay] = []
    violated: list[ViolatedOnDay] = []
    latencies: list[CountedLatency] = []


def report_of_fact(message: Message) -> Report:
    """Raises FrameError, msgspec.ValidationError, SketchError."""
    head, _ = facts.decoder.frame(message.payload)
    for used in head.usage:
        for sketch in (used.users, used.anonymous, used.tied):
            Sketch.decode(sketch)
    syncs = msgspec.convert(head.syncs, list[ReportedSync])
    return Report(
        facts.subject(head.role, head.shard),
        head.after,
        head.to,
        message.sequence,
        head.outcomes,
        syncs,
        head.usage,
        head.seen,
        head.violated,
    )


def report_of_settled(message: Message) -> Report:
    """Raises FrameError."""
    head, _ = delivery.settled_decoder.frame(message.payload)
    place = message.sequence
    return Report(message.subject, -1, place, place, head.outcomes, latencies=head.latencies)


ReportOf = Callable[[Message], Report]


class Fold:
    """Folds streams into one database; one `follow` per stream."""

    def __init__(self, database: Database, log: Log, clock: Clock) -> None:
        self._database = database
        self._log = log
        self._clock = clock
        self.alarms: dict[str, str] = {}
        """By subject: reports that do not join, told in the role's status."""

    async def follow_facts(self) -> None:
        await self._follow(facts.STREAM, "facts.>", report_of_fact)

    async def follow_settled(self, shard: int) -> None:
        await self._follow(delivery.stream_name(shard), delivery.settled_subject(shard), report_of_settled)

    async def _follow(self, stream: str, subject: str, report_of: ReportOf) -> None:
        waits = backoff(0.1, 5.0)
        while True:
            try:
                await self._catch_up(stream, subject, report_of)
                waits = backoff(0.1, 5.0)
                start = await self._next(stream)
                async with aclosing(self._log.read(stream, start, subject=subject)) as messages:
                    async for message in messages:
                        await self._take(stream, [message], report_of)
            except (LogError, *DATABASE_DOWN) as error:
                logger.warning("The fold reads anew.", stream=stream, reason=reason_of(error))
                await self._clock.sleep(next(waits))

    async def _catch_up(self, stream: str, subject: str, report_of: ReportOf) -> None:
        """What was written while nobody folded: many messages per transaction."""
        while messages := await self._log.get_batch(stream, await self._next(stream), subject=subject):
            await self._take(stream, messages, report_of)

    async def _next(self, stream: str) -> int:
        async with self._database.reading() as connection:
            return (await get_watermark(connection, stream) or Watermark()).sequence + 1

    async def _take(self, stream: str, messages: Sequence[Message], report_of: ReportOf) -> None:
        reports = [self._report(message, report_of) for message in messages]
        async with self._database.writing() as connection:
            await self.apply(connection, stream, reports)

    def _report(self, message: Message, report_of: ReportOf) -> Report:
        """One that cannot be read counts nothing and stops nobody: an alarm."""
        try:
            return report_of(message)
        except (FrameError, msgspec.ValidationError, SketchError) as error:
            self._alarm(message.subject, f"message {message.sequence} cannot be read: {error}")
            return Report("", -1, 0, message.sequence, [])

    async def apply(self, connection: AsyncConnection, stream: str, reports: Sequence[Report]) -> None:
        """Add the reports that join, and move the watermarks of their subjects and of the stream."""
        for report in reports:
            reached = await get_watermark(connection, stream) or Watermark()
            if report.sequence <= reached.sequence:
                continue
            if report.subject and await self._joins(connection, report):
                await add_counts(connection, report.outcomes)
                await add_latencies(connection, report.latencies)
                await add_syncs(connection, report.syncs)
                await add_usage(connection, report.usage)
                await add_seen(connection, report.seen)
                await add_violations(connection, report.violated)
                await put_watermark(connection, report.subject, Watermark(report.to, report.sequence))
            await put_watermark(connection, stream, Watermark(report.sequence, report.sequence))

    async def _joins(self, connection: AsyncConnection, report: Report) -> bool:
        if report.after < 0:
            return True
        reached = await get_watermark(connection, report.subject)
        expected = reached.position if reached else 0
        if report.after > expected:
            self._alarm(report.subject, f"begins at {report.after}, folded up to {expected}")
        return report.after == expected

    def _alarm(self, subject: str, reason: str) -> None:
        self.alarms[subject] = reason
        logger.error("A report does not join and is not counted.", subject=subject, reason=reason)
