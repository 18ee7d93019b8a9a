"""Quarantine of one shard: what stands there, and how it leaves.

Invariants:
- An event leaves a frame by being written anew without it, and the old frame erased then: a kill in between shows what
  stayed twice, and loses nothing.
- What is judged again has a lap that follows from where it stood, so that a repeat after a kill passes once.
- An event that was blocked goes back to ACCEPTED as it came, with its own time of arrival; one that failed at its
  destination goes to the first rung of delivery's ladder as it was tried, with a new retry window.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from hashlib import blake2b
from typing import Any, Protocol

import msgspec
import structlog

from penstock.history.selection import anonymous_in, is_meant
from penstock.infra.log import Log, Message
from penstock.kit.ids import resource_id
from penstock.kit.time import read_iso
from penstock.spec import accepted, delivery, streams
from penstock.spec.delivery import DeliveryRef, QuarantineHead, QuarantineRow, RetryRow
from penstock.spec.event import CLIENT, EVENT_TYPES
from penstock.spec.frame import FrameError
from penstock.spec.laps import REPLAY, REPLAY_BEFORE_LAP
from penstock.spec.quarantine import (
    EndedHeld,
    EndHeld,
    FindAnonymous,
    FindHeld,
    FoundAnonymous,
    HeldEvent,
    HeldEvents,
    QuarantineFilter,
)
from penstock.spec.snapshot import DestinationSnapshot, SourceSnapshot

logger = structlog.get_logger(__name__)

Again = Callable[[Sequence[tuple[DeliveryRef, RetryRow, bytes]]], Awaitable[None]]
"""Have delivery try events again; durable when it returns."""
_WRITER = "replay"


class Known(Protocol):
    """The configuration as this process sees it."""

    @property
    def sources(self) -> Mapping[str, SourceSnapshot]: ...
    @property
    def destinations(self) -> Mapping[str, DestinationSnapshot]: ...


class _Frame(msgspec.Struct, frozen=True):
    """One message, and the indexes of the rows that are meant."""

    message: Message
    head: QuarantineHead
    body: bytes
    meant: list[int]

    def event(self, index: int) -> bytes:
        row = self.head.rows[index]
        return self.body[row.offset : row.offset + row.length]


class _Arrival(msgspec.Struct, rename="camel"):
    received_at: Any = None
    channel: Any = None


_arrival = msgspec.json.Decoder(_Arrival)


class Quarantine:
    """`find` and `end` answer calls; one of them ends at a time."""

    def __init__(self, log: Log, shard: int, known: Known, again: Again) -> None:
        self._log = log
        self._shard = shard
        self._stream = streams.delivery(shard)
        self._known = known
        self._again = again
        self._ending = asyncio.Lock()

    async def find(self, call: FindHeld) -> HeldEvents:
        """Raises LogError."""
        found: list[HeldEvent] = []
        async for frame in self._frames(call.wanted, _place_of(call.after)):
            for index in frame.meant:
                if len(found) == call.limit:
                    return HeldEvents(found, found[-1].id)
                found.append(self._held(frame, index, is_whole=call.is_whole))
        return HeldEvents(found)

    async def end(self, call: EndHeld) -> EndedHeld:
        """Raises LogError."""
        count = kept = 0
        async with self._ending:
            async for frame in self._frames(call.wanted, (0, -1)):
                if count >= call.limit:
                    return EndedHeld(count, kept, has_more=True)
                meant = frame.meant[: call.limit - count]
                gone = await self._brought_back(frame, meant) if call.action == "replay" else meant
                await self._remove(frame, gone)
                count, kept = count + len(gone), kept + len(meant) - len(gone)
        return EndedHeld(count, kept)

    async def anonymous(self, call: FindAnonymous) -> FoundAnonymous:
        """Raises LogError."""
        found, among = set[tuple[str, str]](), call.among
        async for frame in self._frames(QuarantineFilter(call.workspace_id, call.source_id), (0, -1)):
            for index in frame.meant:
                row = frame.head.rows[index]
                if row.user_id and (row.user_id in call.users) is (among is None):
                    visitor = frame.head.source_id, anonymous_in(row, frame.body)
                    if visitor[1] and (among is None or visitor in among):
                        found.add(visitor)
        return FoundAnonymous(frozenset(found))

    async def _frames(self, wanted: QuarantineFilter, after: tuple[int, int]) -> AsyncIterator[_Frame]:
        """Frames with something that is meant, as they stand now: what is written meanwhile is not looked at."""
        last = (await self._log.state(self._stream)).last
        subject = delivery.quarantine_subject(self._shard, wanted.destination_id or "*")
        ids = {place for text in wanted.ids if (place := self._own_place(text))}
        start = max(1, after[0])
        while start <= last:
            batch = await self._log.get_batch(self._stream, start, subject=subject)
            if not batch:
                return
            start = batch[-1].sequence + 1
            for message in batch:
                if message.sequence <= last and (frame := self._opened(message, wanted, ids, after)) is not None:
                    yield frame

    def _opened(
        self, message: Message, wanted: QuarantineFilter, ids: set[tuple[int, int]], after: tuple[int, int]
    ) -> _Frame | None:
        if wanted.ids and message.sequence not in {sequence for sequence, _ in ids}:
            return None
        try:
            head, body = delivery.quarantine_decoder.frame(message.payload)
        except FrameError as error:
            logger.error("A frame of quarantine cannot be read.", sequence=message.sequence, reason=str(error))  # noqa: TRY400
            return None
        meant = [
            index
            for index, row in enumerate(head.rows)
            if is_meant(wanted, head, row, body)
            and (not wanted.ids or (message.sequence, index) in ids)
            and (message.sequence, index) > after
        ]
        return _Frame(message, head, bytes(body), meant) if meant else None

    def _own_place(self, text: str) -> tuple[int, int] | None:
        shard, _, rest = text.partition("-")
        return _place_of(text) if shard == str(self._shard) and rest else None

    def _held(self, frame: _Frame, index: int, *, is_whole: bool) -> HeldEvent:
        head, row = frame.head, frame.head.rows[index]
        return HeldEvent(
            id=f"{self._shard}-{frame.message.sequence}-{index}",
            source_id=head.source_id,
            destination_id=head.destination_id,
            subscription_id=row.subscription_id,
            event_type=EVENT_TYPES[row.event_type].value,
            event_name=row.event_name,
            message_id=row.message_id,
            user_id=row.user_id,
            outcome=row.outcome,
            reason=row.reason,
            attempts=row.attempts,
            first_attempt_at=row.first_attempt_at,
            held_at=head.written_at,
            response=row.response.decode(errors="replace"),
            event=frame.event(index) if is_whole else b"",
        )

    async def _brought_back(self, frame: _Frame, meant: list[int]) -> list[int]:
        """Those of `meant` that are on their way again, durably."""
        if not frame.head.destination_id:
            return await self._judged_again(frame, meant)
        head, taken = frame.head, []
        rows = []
        for index in meant:
            if not self._is_taken(head, head.rows[index]):
                continue
            taken.append(index)
            row = head.rows[index]
            ref = DeliveryRef(head.workspace_id, head.source_id, head.destination_id, row.subscription_id)
            tried = RetryRow(0, 0, 0, row.event_type, row.event_name, row.message_id, 0, 0, row.reason, row.response)
            rows.append((ref, tried, frame.event(index)))
        if rows:
            await self._again(rows)
        return taken

    def _is_taken(self, head: QuarantineHead, row: QuarantineRow) -> bool:
        """Whether its destination and its mapping are there and switched on: delivery ends what goes nowhere."""
        destination = self._known.destinations.get(head.destination_id)
        if destination is None or not destination.enabled:
            return False
        if destination.lap or destination.function_id or not row.subscription_id:
            return True
        return any(each.enabled for each in destination.subscriptions if each.id == row.subscription_id)

    async def _judged_again(self, frame: _Frame, meant: list[int]) -> list[int]:
        source = self._known.sources.get(frame.head.source_id)
        if source is None or not source.enabled or source.is_workspace_locked or not source.write_keys:
            return []
        for is_before_lap in (False, True):
            if of_lap := [index for index in meant if frame.head.rows[index].is_before_lap is is_before_lap]:
                await self._append(frame, of_lap, source.write_keys[0], REPLAY_BEFORE_LAP if is_before_lap else REPLAY)
        return meant

    async def _append(self, frame: _Frame, meant: list[int], key: str, lap: str) -> None:
        requests: dict[tuple[int, bool], int] = {}
        rows, pieces, offset = [], [], 0
        for index in meant:
            piece = frame.event(index)
            at, is_client = _arrival_of(piece)
            number = requests.setdefault((at or frame.head.written_at, is_client), len(requests))
            rows.append(accepted.AcceptedRow(offset, len(piece), number, frame.head.rows[index].message_id))
            pieces.append(piece)
            offset += len(piece)
        records = [accepted.RequestRecord(at, key, "batch", is_client=is_client) for at, is_client in requests]
        head = accepted.AcceptedHead(f"{_WRITER}-{resource_id()}", 1, records, rows, lap + self._place(frame))
        subject = streams.accepted_subject(self._shard, _WRITER)
        await self._log.append(subject, accepted.encode_accepted(head, pieces))

    def _place(self, frame: _Frame) -> str:
        stood = f"{self._shard}.{frame.message.sequence}.{frame.head.written_at}"
        return blake2b(stood.encode(), digest_size=8).hexdigest()

    async def _remove(self, frame: _Frame, gone: list[int]) -> None:
        if not gone:
            return
        left = [index for index in range(len(frame.head.rows)) if index not in set(gone)]
        if left:
            await self._log.append(frame.message.subject, _frame_of(frame, left))
        await self._log.erase(self._stream, frame.message.sequence)


def _frame_of(frame: _Frame, indexes: list[int]) -> bytes:
    rows, pieces, offset = [], [], 0
    for index in indexes:
        piece = frame.event(index)
        rows.append(msgspec.structs.replace(frame.head.rows[index], offset=offset))
        pieces.append(piece)
        offset += len(piece)
    return delivery.encode_quarantine(msgspec.structs.replace(frame.head, rows=rows), pieces)


def _place_of(identifier: str) -> tuple[int, int]:
    """(sequence, index) in an id; before everything where it is none."""
    _, _, place = identifier.partition("-")
    sequence, _, index = place.partition("-")
    return (int(sequence), int(index)) if sequence.isdecimal() and index.isdecimal() else (0, -1)


def _arrival_of(event: bytes) -> tuple[int, bool]:
    """When the event came, in milliseconds (0 where it does not tell), and whether a client sent it."""
    try:
        told = _arrival.decode(event)
    except msgspec.MsgspecError:
        return 0, False
    found = read_iso(told.received_at) if isinstance(told.received_at, str) else None
    return found[0] if found else 0, told.channel == CLIENT
