"""What delivery remembers at its start: the last `settled` and `members`, and the events that they leave open."""

from collections.abc import AsyncIterator, Iterable

import msgspec
import structlog

from penstock.delivery.reading.frames import RoutedFrame
from penstock.delivery.reading.ladder import Directory, Ladder
from penstock.delivery.reading.shared import Intake
from penstock.delivery.served import Place
from penstock.delivery.settling.ledger import Ledger
from penstock.infra.log import Log, Message
from penstock.spec import routed
from penstock.spec.delivery import (
    Member,
    OpenEvent,
    OpenRetry,
    SettledHead,
    members_decoder,
    members_subject,
    retry_decoder,
    settled_decoder,
    settled_subject,
    stream_name,
)

logger = structlog.get_logger(__name__)

_AHEAD_MESSAGES = 16
_AHEAD_BYTES = 4 << 20
_NOTHING = SettledHead("", 0, 1, 0, [], [], [], [], [])


class Remembered(msgspec.Struct, frozen=True):
    """The last settling, and the sequence under which it is stored (0: there was none)."""

    sequence: int
    settled: SettledHead
    members: list[Member]

    @property
    def place(self) -> Place:
        return (self.settled.sequence, self.settled.index)


class Memory:
    """Reads it, and takes up what was open."""

    def __init__(
        self, log: Log, shard: int, intake: Intake, ladder: Ladder, ledger: Ledger, directory: Directory
    ) -> None:
        self._log = log
        self._shard = shard
        self._intake = intake
        self._ladder = ladder
        self._ledger = ledger
        self._directory = directory

    async def read(self) -> Remembered:
        """Raises FrameError where the record cannot be read: going on without it would count everything twice."""
        stream = stream_name(self._shard)
        settled = await self._log.last(stream, settled_subject(self._shard))
        members = await self._log.last(stream, members_subject(self._shard))
        return Remembered(
            sequence=settled.sequence if settled else 0,
            settled=settled_decoder.frame(settled.payload)[0] if settled else _NOTHING,
            members=members_decoder.frame(members.payload)[0].members if members else [],
        )

    async def take_up(self, settled: SettledHead) -> None:
        """Queue again what was in flight: the outside may see these events a second time."""
        await self._take_up_events(settled.open)
        await self._take_up_retries(settled.open_retries)

    async def _take_up_events(self, events: list[OpenEvent]) -> None:
        by_sequence: dict[int, list[OpenEvent]] = {}
        for one in sorted(events, key=lambda one: (one.sequence, one.index)):
            by_sequence.setdefault(one.sequence, []).append(one)
        async for message in self._messages(routed.stream_name(self._shard), by_sequence):
            frame = RoutedFrame(message)
            for one in by_sequence[message.sequence]:
                self._resume(frame, one)

    def _resume(self, frame: RoutedFrame, open_event: OpenEvent) -> None:
        event = frame.event(open_event.index)
        served = self._directory.by_id.get(open_event.destination_id)
        if served is not None and served.is_placed:
            self._intake.resume(served, event, frame, open_event)
            return
        reason = self._directory.reason_of_absence(open_event.destination_id)
        for subscription_id in open_event.subscriptions:
            self._ledger.discard_event(open_event.destination_id, subscription_id, event, reason)

    async def _take_up_retries(self, retries: list[OpenRetry]) -> None:
        by_sequence: dict[int, list[int]] = {}
        for sequence, index in retries:
            by_sequence.setdefault(sequence, []).append(index)
        async for message in self._messages(stream_name(self._shard), by_sequence):
            head, body = retry_decoder.frame(message.payload)
            for index in by_sequence[message.sequence]:
                self._ladder.offer(head.rung, message.sequence, head, body, index, is_resumed=True)

    async def _messages(self, stream: str, wanted: Iterable[int]) -> AsyncIterator[Message]:
        """The messages at the sequences that are wanted, in order; alarms for what is gone."""
        found: dict[int, Message] = {}
        read_to = 0
        for sequence in sorted(wanted):
            if sequence > read_to:
                batch = await self._log.get_batch(
                    stream, sequence, max_messages=_AHEAD_MESSAGES, max_bytes=_AHEAD_BYTES
                )
                found = {message.sequence: message for message in batch}
                read_to = max(found, default=sequence)
            if sequence in found:
                yield found[sequence]
            else:
                logger.error("An event that was open is gone.", stream=stream, sequence=sequence)
