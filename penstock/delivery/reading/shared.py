"""The common reader of ROUTED, and the intake that all readers share.

Invariants:
- The common place moves row by row, and a row is offered to all destinations of its source in one synchronous step, so
  that a settling at any moment finds every row either offered to all or to none.
- A destination skips rows before its place, so one that starts ahead of the common reader takes nothing twice.
"""

import asyncio
from collections.abc import Mapping
from typing import Protocol

import structlog

from penstock.delivery.order import judge
from penstock.delivery.reading.expiry import Expiry
from penstock.delivery.reading.forgotten import Forgotten
from penstock.delivery.reading.frames import FrameCache, RoutedEvent, RoutedFrame
from penstock.delivery.scheduler import Scheduler
from penstock.delivery.served import FROM_ROUTED, Delivery, Place, Served, Work
from penstock.delivery.settling.ledger import Ledger
from penstock.infra.log import Log, Message
from penstock.spec.delivery import OpenEvent
from penstock.spec.frame import FrameError
from penstock.spec.laps import is_before_lap
from penstock.spec.outcome import DestinationReason
from penstock.spec.routed import BLOCKED, stream_name

logger = structlog.get_logger(__name__)

YIELD_ROWS = 128
"""Rows that are offered before others get to run."""


class Intake:
    """Takes one event for one destination: judges it up to D7 and queues a delivery per subscription."""

    def __init__(self, ledger: Ledger, scheduler: Scheduler, expiry: Expiry, forgotten: Forgotten) -> None:
        self._forgotten = forgotten
        self._ledger = ledger
        self._scheduler = scheduler
        self._expiry = expiry

    def may_take(self, served: Served, frame: RoutedFrame) -> bool:
        """Whether an event of `frame` can be taken now. What is too old needs no room: it ends at once."""
        return frame.sequence < self._expiry.below or served.has_room()

    def take(self, served: Served, event: RoutedEvent, frame: RoutedFrame) -> None:
        """The place of `served` moves behind the event."""
        served.place = (event.sequence, event.index + 1)
        came_before = frame.head.received_at < served.since and (event.received_at or frame.time_ms) < served.since
        if came_before and not served.snapshot.lap:  # what was marked for a function is its, whenever it came
            return
        if event.sequence < self._expiry.below:
            self._ledger.expire(served, event)
            served.note_end((event.sequence, event.index))
            return
        if (reason := self._forgotten.ends(event, frame.time_ms, has_waited=served.is_behind)) is not None:
            self._filter(served, event, reason)
            return
        judged = event if served.snapshot.lap else judge(event, served.snapshot, served.editing)
        if isinstance(judged, DestinationReason):
            self._filter(served, event, judged)
        elif wanted := served.wanted_by(judged):
            work = Work((event.sequence, event.index), FROM_ROUTED, len(judged.body))
            self._queue(served, judged, work, wanted)
        else:
            self._filter(served, event, DestinationReason.NO_MATCHING_MAPPING)

    def _filter(self, served: Served, event: RoutedEvent, reason: DestinationReason) -> None:
        self._ledger.filter(served, event, reason)
        served.note_end((event.sequence, event.index))

    def resume(self, served: Served, event: RoutedEvent, frame: RoutedFrame, open_event: OpenEvent) -> None:
        """An event that was open at the last settling: its stages were passed, its open subscriptions are not.

        It is read from ROUTED anew, whole, and so it is edited anew: filters take out of it what must not leave.
        """
        if (reason := self._forgotten.ends(event, frame.time_ms, has_waited=True)) is not None:
            self._discard(served, event, open_event, reason)
            return
        edited = served.editing.apply(event)
        if edited is None:
            self._discard(served, event, open_event, DestinationReason.FILTERED_BY_RULES)
            return
        work = Work((event.sequence, event.index), FROM_ROUTED, len(edited.body))
        work.is_matched, work.has_started = open_event.is_matched, True
        self._queue(served, edited, work, open_event.subscriptions)

    def _discard(self, served: Served, event: RoutedEvent, open_event: OpenEvent, reason: DestinationReason) -> None:
        for identifier in open_event.subscriptions:
            self._ledger.discard_event(served.id, identifier, event, reason)

    def _queue(self, served: Served, event: RoutedEvent, work: Work, subscription_ids: list[str]) -> None:
        for identifier in subscription_ids:
            delivery = Delivery(
                served,
                work,
                identifier,
                event.workspace_id,
                event.source_id,
                event.event_type,
                event.name,
                event.message_id,
                event.body,
                app_version=event.app_version,
                received_at=event.received_at,
            )
            served.admit(work, delivery)
        self._scheduler.wake(served)


class Roster(Protocol):
    """Who is served, by source. Replaced as a whole when the configuration changes."""

    by_source: Mapping[str, list[Served]]


class CommonReader:
    """Reads every frame once and offers its events to all destinations that are not behind."""

    def __init__(
        self, log: Log, shard: int, roster: Roster, intake: Intake, ledger: Ledger, frames: FrameCache
    ) -> None:
        self._log = log
        self._stream = stream_name(shard)
        self._roster = roster
        self._intake = intake
        self._ledger = ledger
        self._frames = frames
        self._since_yield = 0
        self.place: Place = (1, 0)
        """The first event not yet offered."""
        self.frames_lost = 0
        """Frames that were purged, or could not be read, before they were offered."""

    async def run(self) -> None:
        async for message in self._log.read(self._stream, self.place[0]):
            if message.sequence > self.place[0]:
                self._jump(message.sequence)
            if (frame := self._decoded(message)) is not None:
                await self._fan_out(frame)
            self.place = (message.sequence + 1, 0)

    def _decoded(self, message: Message) -> RoutedFrame | None:
        try:
            return self._frames.decode(message)
        except FrameError as error:
            self.frames_lost += 1
            logger.error("A routed frame cannot be read.", sequence=message.sequence, reason=str(error))  # noqa: TRY400
            return None

    def _jump(self, sequence: int) -> None:
        lost = sequence - self.place[0]
        self.frames_lost += lost
        logger.error("Frames were purged before they were delivered.", first=self.place[0], count=lost)
        self.place = (sequence, 0)

    async def _fan_out(self, frame: RoutedFrame) -> None:
        rows = frame.head.rows
        for index in range(self.place[1], len(rows)):
            self._offer(frame, index)
            self.place = (frame.sequence, index + 1)
            if self._since_yield >= YIELD_ROWS:
                self._since_yield = 0
                await self._ledger.wait_for_room()
                await asyncio.sleep(0)

    def _offer(self, frame: RoutedFrame, index: int) -> None:
        row = frame.head.rows[index]
        if row.fate == BLOCKED:
            self._ledger.block(frame.event(index), row.reason, is_before_lap=is_before_lap(frame.head.lap))
            self._since_yield += 1
        else:
            place = (frame.sequence, index)
            for served in self._roster.by_source.get(frame.head.sources[row.source].source_id, ()):
                if served.is_behind or not served.is_placed or place < served.place or not served.reads(row.fate):
                    continue
                if self._intake.may_take(served, frame):
                    self._intake.take(served, frame.event(index), frame)
                else:
                    served.fall_behind(place)
                self._since_yield += 1
