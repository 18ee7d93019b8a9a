"""Purges the streams of one shard by sequence: what is old enough, and was read by everybody who must read it.

Invariants:
- The last message of a subject that holds a position (`routed.*`, `settled`, `members`, `facts.*`) is never purged.
- Positions are read before the limits are worked out: an old one is lower, hence safe. A position that cannot be had
  (its callable raises) keeps its stream whole for this round.
- What kept events or ids is overwritten before it goes (`erasing`). The last message of ROUTED is a position and
  stays: an old one that holds events is relieved by one that holds none.
- A low disk shortens the life of what everybody has read; what somebody has not read, and quarantine, it leaves.
- What a reader has not read is kept for `max_lag_hours`, and a day more, in which delivery passes over it and counts it
  as expired; then it goes, with an alarm.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping

import msgspec
import structlog

from penstock.infra.log import Log
from penstock.kit.clock import Clock
from penstock.kit.ids import resource_id
from penstock.kit.settings import Settings
from penstock.pipeline.erasing import Eraser
from penstock.pipeline.quarantine import QuarantineBound
from penstock.pipeline.recovery import read_position
from penstock.spec import accepted, delivery, facts, routed
from penstock.spec.frame import count_of
from penstock.spec.stores import UNREAD_HOURS

logger = structlog.get_logger(__name__)

_HOUR_MS = 3_600_000
LOW_SECONDS = 5.0
"""Between rounds while the disk is low."""

_WRITER = "retention"

Sequences = Callable[[], Awaitable[Mapping[str, int]]]


async def _none() -> Mapping[str, int]:
    return {}


class Readers(msgspec.Struct, frozen=True):
    """Who reads what the loop purges."""

    routed: Sequences
    """Name of each reader of ROUTED: the sequence that it has read last (0: nothing yet)."""
    delivery: Sequences = _none
    """Subject in DELIVERY (wildcards allowed): everything on it below this sequence is needed no more."""
    facts: Sequences = _none
    """Subject in FACTS: the sequence that was folded last."""


class RetentionLoop:
    """`run` until `stop`; `round` does it once and tells how many messages went, by stream."""

    def __init__(self, settings: Settings, log: Log, clock: Clock, shard: int, readers: Readers) -> None:
        self._settings = settings
        self._log = log
        self._clock = clock
        self._shard = shard
        self._readers = readers
        self._eraser = Eraser(log)
        self._quarantine = QuarantineBound(log, shard, settings.quarantine_events)
        self._stopping = asyncio.Event()
        self._is_low = False
        self._disk_became_low = asyncio.Event()

    def stop(self) -> None:
        self._stopping.set()

    def hurry(self, *, is_low: bool) -> None:
        """While the disk is low, history goes that nobody has to read any more, whatever its age."""
        if is_low and not self._is_low:
            self._disk_became_low.set()
        self._is_low = is_low

    async def run(self) -> None:
        """A round after each interval. Raises nothing."""
        while not await self._is_stopped_within(self._settings.retention_seconds):
            await self.round()

    async def _is_stopped_within(self, seconds: float) -> bool:
        """Whether the stop came; also returns early where the disk has become low, and soon again while it is."""
        wait = min(seconds, LOW_SECONDS) if self._is_low else seconds
        tasks = (
            asyncio.create_task(self._stopping.wait()),
            asyncio.create_task(self._disk_became_low.wait()),
            asyncio.ensure_future(self._clock.sleep(wait)),
        )
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
        self._disk_became_low.clear()
        return self._stopping.is_set()

    async def round(self) -> dict[str, int]:
        """One pass over all streams. What fails for one stream waits for the next round."""
        purged: dict[str, int] = {}
        for stream, purge in (
            (accepted.stream_name(self._shard), self._purge_accepted),
            (routed.stream_name(self._shard), self._purge_routed),
            (delivery.stream_name(self._shard), self._purge_delivery),
            (facts.STREAM, self._purge_facts),
        ):
            try:
                purged[stream] = await purge(stream)
            except Exception as error:  # noqa: BLE001 - another role's callable may raise anything; nothing is purged then
                logger.warning("A stream is purged later.", stream=stream, reason=repr(error))
        return purged

    async def _purge_accepted(self, stream: str) -> int:
        """What the pipeline has answered; ACCEPTED itself holds no position."""
        position = await read_position(self._log, self._shard)
        by_age = await self._sequence_before(stream, self._hours(self._settings.accepted_hours))
        return await self._purge(stream, min(position.covers + 1, by_age))

    async def _purge_routed(self, stream: str) -> int:
        read = dict(await self._readers.routed())
        read["facts"] = await self._reported()
        last = await self._log.last(stream, routed.subject(self._shard))
        if last is None:
            return 0
        slowest = min(read, key=lambda name: read[name])
        least = self._settings.low_disk_routed_minutes / 60
        by_age = await self._sequence_before(stream, self._hours(self._settings.routed_hours, least))
        kept_hours = max(self._settings.routed_hours, self._settings.max_lag_hours)
        by_lag = await self._sequence_before(stream, kept_hours + UNREAD_HOURS)
        if last.sequence < min(by_age, read[slowest] + 1) and count_of(last.payload):
            await self._relieve()
        below = min(routed_limit(by_age, by_lag, read[slowest]), last.sequence)
        purged = await self._purge(stream, below)
        if purged and below > read[slowest] + 1:
            logger.error("A reader lost what it had not read in time.", stream=stream, reader=slowest, below=below)
        return purged

    async def _relieve(self) -> None:
        """Have the pipeline write a position without events, as it answers an empty frame; once, while it is idle."""
        stream = accepted.stream_name(self._shard)
        if (await self._log.state(stream)).last <= (await read_position(self._log, self._shard)).covers:
            head = accepted.AcceptedHead(f"{_WRITER}-{resource_id()}", 1, [], [])
            await self._log.append(accepted.subject(self._shard, _WRITER), accepted.encode_accepted(head, []))

    async def _purge_delivery(self, stream: str) -> int:
        limits = dict(await self._readers.delivery())
        quarantine = delivery.quarantine_subject(self._shard, ">")
        by_age = await self._sequence_before(stream, self._settings.quarantine_hours)
        limits |= {quarantine: by_age} | await self._quarantine.excess(by_age)
        settled = delivery.settled_subject(self._shard)
        if settled in limits:
            limits[settled] = min(
                limits[settled], await self._sequence_before(stream, self._hours(self._settings.facts_hours))
            )
        members = delivery.members_subject(self._shard)
        limits.setdefault(members, (await self._log.state(stream)).last)
        purged = 0
        for subject, below in limits.items():
            holds_position = subject in (members, settled)
            purged += await self._purge_subject(stream, subject, below, holds_position=holds_position)
        return purged

    async def _purge_facts(self, stream: str) -> int:
        folded = await self._readers.facts()
        by_age = await self._sequence_before(stream, self._hours(self._settings.facts_hours)) if folded else 0
        purged = 0
        for subject, sequence in folded.items():
            purged += await self._purge_subject(stream, subject, min(sequence + 1, by_age), holds_position=True)
        return purged

    async def _reported(self) -> int:
        """How far the pipeline's own facts have counted ROUTED."""
        message = await self._log.last(facts.STREAM, facts.subject("pipeline", self._shard))
        return facts.decoder.head(message.payload).to if message else 0

    def _hours(self, hours: float, least: float = 0.0) -> float:
        """What is kept of history that everybody has read."""
        return min(hours, least) if self._is_low else hours

    async def _sequence_before(self, stream: str, hours: float) -> int:
        """The first sequence that is younger than so many hours."""
        return await self._log.sequence_at(stream, round(self._clock.now_ms() - hours * _HOUR_MS))

    async def _purge(self, stream: str, below: int) -> int:
        return await self._eraser.purge(stream, below, in_haste=self._is_low)

    async def _purge_subject(self, stream: str, subject: str, below: int, *, holds_position: bool) -> int:
        if holds_position:
            last = await self._log.last(stream, subject)
            below = min(below, last.sequence) if last else 0
        if not holds_position or stream == facts.STREAM:
            return await self._eraser.purge_subject(stream, subject, below, in_haste=self._is_low)
        if below <= (await self._log.state(stream)).first:
            return 0
        return await self._log.purge(stream, below=below, subject=subject)


def routed_limit(by_age: int, by_lag: int, read: int) -> int:
    """Below which ROUTED may go: what is too old and read, and what is older than any reader may lag."""
    return min(by_age, max(read + 1, by_lag))
