"""Which message ids an ACCEPTED frame claimed when it was live: its ROUTED frame tells, so nobody has to remember."""

from collections.abc import Awaitable, Callable, Iterable
from collections.abc import Set as AbstractSet
from time import perf_counter

import msgspec

from penstock.infra.log import Log, Message
from penstock.pipeline.dedupe import keys_of
from penstock.spec import routed
from penstock.spec.frame import FrameError
from penstock.spec.laps import LAP
from penstock.spec.outcome import IngestReason
from penstock.spec.routed import RoutedHead

Rest = Callable[[float], Awaitable[float]]
"""Rests for all that was done since that time; the time then."""
_DUPLICATE = IngestReason.DUPLICATE.value


class Lived(msgspec.Struct, frozen=True):
    """What became of the ids of one frame."""

    claimed: frozenset[bytes]
    sources_with_repeats: frozenset[str]
    """Their ids that were not claimed were known. Of other sources they ended before anyone looked: switched off."""
    is_of_function: bool
    """Its repeats are not counted, so all that was not claimed was known."""


class Seen:
    """The ids that are known before a frame, in the place of the index: as they were live, else as the run saw them."""

    def __init__(self, source_id: str = "") -> None:
        self._source_id = source_id
        self._keys: set[bytes] = set()
        self.lived: Lived | None = None
        """Of the frame that is judged; None where its ROUTED frame is gone or not yet there."""

    def known(self, keys: Iterable[bytes]) -> AbstractSet[bytes]:
        asked = set(keys)
        if (lived := self.lived) is None:
            return asked & self._keys
        if not lived.is_of_function and self._source_id not in lived.sources_with_repeats:
            asked &= self._keys
        return asked - lived.claimed

    def add(self, keys: AbstractSet[bytes]) -> None:
        self._keys |= keys


class LivedFrames:
    """Those of one shard, asked for in the order of ACCEPTED."""

    def __init__(self, log: Log, shard: int, rest: Rest) -> None:
        self._log = log
        self._stream = routed.stream_name(shard)
        self._rest = rest
        self._next = 0
        self._read: list[Message] = []
        """What was read and not yet asked for, oldest first."""

    async def of(self, message: Message) -> Lived | None:
        """None where it is gone or not yet there. Raises LogError."""
        if not self._next:
            # The answer is stored after what it answers.
            self._next = await self._log.sequence_at(self._stream, message.time_ms)
        heads: list[RoutedHead] = []
        worked = perf_counter()
        while (head := await self._first()) is not None and head.covers <= message.sequence:
            self._read.pop(0)
            if head.covers == message.sequence:
                heads.append(head)
            worked = await self._rest(worked)
            if head.covers == message.sequence and head.part == head.parts - 1:
                break
        return _lived(heads) if heads else None

    async def _first(self) -> RoutedHead | None:
        while True:
            if not self._read:
                self._read = await self._log.get_batch(self._stream, self._next)
                if not self._read:
                    return None
                self._next = self._read[-1].sequence + 1
            try:
                return routed.decoder.frame(self._read[0].payload)[0]
            except FrameError:
                self._read.pop(0)


def _lived(heads: list[RoutedHead]) -> Lived:
    repeats = {
        head.sources[each.source].source_id for head in heads for each in head.outcomes if each.reason == _DUPLICATE
    }
    claimed = frozenset(key for head in heads for key in keys_of(head))
    return Lived(claimed, frozenset(repeats), heads[0].lap == LAP)
