"""Bounds what each holder keeps in quarantine: its events are counted as they are written, the oldest go.

Counts are made from the prefixes of frames, each read once; at a start what stands in the log is read again. They are
kept in blocks of a hundredth of the limit, so that a holder costs the same memory whatever it holds, and keeps at
least ninety-nine hundredths.
"""

import asyncio
from collections import deque
from dataclasses import dataclass, field

from penstock.infra.log import Log, Message
from penstock.spec import delivery
from penstock.spec.frame import FrameError, count_of

_BLOCKS = 100


@dataclass(slots=True)
class _Block:
    """Frames that stand next to each other: the sequence of the last one, and how many events they hold."""

    last: int
    events: int


@dataclass(slots=True)
class _Holder:
    blocks: deque[_Block] = field(default_factory=deque)
    events: int = 0


class QuarantineBound:
    """Of one shard. `excess` after each interval."""

    def __init__(self, log: Log, shard: int, limit: int) -> None:
        self._log = log
        self._stream = delivery.stream_name(shard)
        self._subjects = delivery.quarantine_subject(shard, ">")
        self._limit = limit
        self._holders: dict[str, _Holder] = {}
        self._position = 0

    async def excess(self, kept_from: int) -> dict[str, int]:
        """By subject the sequence below which it must go to hold no more than the limit.

        `kept_from` is where the age alone has it begin. Raises LogError.
        """
        if (await self._log.state(self._stream)).last < self._position:
            self._holders, self._position = {}, 0
        self._forget(kept_from)
        start = max(self._position + 1, kept_from)
        while batch := await self._log.get_batch(self._stream, start, subject=self._subjects):
            for message in batch:
                self._add(message)
            start = self._position + 1
            await asyncio.sleep(0)
        found = {subject: self._trimmed(holder) for subject, holder in self._holders.items()}
        return {subject: below for subject, below in found.items() if below}

    def _add(self, message: Message) -> None:
        self._position = message.sequence
        holder = self._holders.setdefault(message.subject, _Holder())
        events = _events_of(message.payload)
        holder.events += events
        blocks = holder.blocks
        if blocks and blocks[-1].events + events <= self._limit // _BLOCKS:
            blocks[-1].last = message.sequence
            blocks[-1].events += events
        else:
            blocks.append(_Block(message.sequence, events))

    def _trimmed(self, holder: _Holder) -> int:
        below = 0
        while holder.events > self._limit and len(holder.blocks) > 1:
            oldest = holder.blocks.popleft()
            holder.events -= oldest.events
            below = oldest.last + 1
        return below

    def _forget(self, kept_from: int) -> None:
        for subject, holder in list(self._holders.items()):
            while holder.blocks and holder.blocks[0].last < kept_from:
                holder.events -= holder.blocks.popleft().events
            if not holder.blocks:
                del self._holders[subject]


def _events_of(payload: bytes) -> int:
    try:
        return count_of(payload)
    except FrameError:
        return 1
