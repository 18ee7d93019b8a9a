"""Makes purged messages unreadable: the log engine only forgets where they stand, and keeps their bytes in the block.

A block that has nothing left goes as a file, and so the bytes go with the traffic that follows. On a quiet installation
none follows: there what stands in the block that stays is overwritten and so removed, and nothing of it is purged as it
is. Each message costs an fsync, so that a round overwrites the oldest few, and the rest waits for the next rounds. What
flows in faster than that fills the block within hours, and is purged when it is a block behind
(`spec.stores.LINGERING_HOURS`). In haste, on a low disk, what is more than a round overwrites goes as it is.
"""

from collections.abc import Iterable, Sequence

from penstock.infra.log import Log
from penstock.infra.log.message import StreamState

BLOCK_BYTES = 8 << 20
"""At most, of a stream without limits."""
BLOCK_MS = 3_600_000
"""A block that was filled in less goes soon enough by itself."""
AT_ONCE = 200
"""Messages overwritten in one round of one stream or subject."""


class Eraser:
    """Of one log."""

    def __init__(self, log: Log) -> None:
        self._log = log

    async def purge(self, stream: str, below: int, *, in_haste: bool = False) -> int:
        """Remove what has a lower sequence, but for what waits for the next rounds. Returns how many went.

        Raises LogError.
        """
        state = await self._log.state(stream)
        if below <= state.first:
            return 0
        in_block = -(-BLOCK_BYTES * state.messages // max(1, state.bytes))
        if await self._is_busy(stream, state, below, in_block):
            return await self._log.purge(stream, below=below)
        if in_haste:
            start = max(state.first, below - AT_ONCE)
        else:
            start = await self._block_start(stream, state.first, below, in_block)
        purged = await self._log.purge(stream, below=start) if start > state.first else 0
        return purged + await self._erase(stream, range(start, min(below, start + AT_ONCE)))

    async def purge_subject(self, stream: str, subject: str, below: int, *, in_haste: bool = False) -> int:
        """The same of one subject (wildcards allowed)."""
        start, meant, sizes = (await self._log.state(stream)).first, list[int](), list[int]()
        while start < below and (batch := await self._log.get_batch(stream, start, subject=subject)):
            start = batch[-1].sequence + 1
            chosen = [each for each in batch if each.sequence < below]
            meant += (each.sequence for each in chosen)
            sizes += (len(each.payload) for each in chosen)
        left = meant[-(AT_ONCE if in_haste else _filling(sizes)) :]
        purged = 0
        if len(left) < len(meant):
            purged = await self._log.purge(stream, below=left[0], subject=subject)
        return purged + await self._erase(stream, left[:AT_ONCE])

    async def _block_start(self, stream: str, first: int, below: int, in_block: int) -> int:
        """What is lower is in a block before: a block or more of messages stands between that and `below`."""
        count = max(in_block, AT_ONCE)
        while below - count > first:
            found = await self._size_of(stream, below - count, below)
            if found >= BLOCK_BYTES:
                return below - count
            count *= 2
        return first

    async def _size_of(self, stream: str, start: int, below: int) -> int:
        """Bytes of what is between, as far as a block has them."""
        size = 0
        while start < below and size < BLOCK_BYTES and (batch := await self._log.get_batch(stream, start)):
            start = batch[-1].sequence + 1
            size += sum(len(each.payload) for each in batch if each.sequence < below)
        return size

    async def _is_busy(self, stream: str, state: StreamState, below: int, in_block: int) -> bool:
        """Whether what stands after fills a block soon."""
        if below + in_block > state.last:
            return False
        ends = [await self._log.get_batch(stream, each, max_messages=1) for each in (below, below + in_block)]
        first, last = (messages[0].time_ms if messages else 0 for messages in ends)
        return bool(first) and last - first < BLOCK_MS

    async def _erase(self, stream: str, sequences: Iterable[int]) -> int:
        return sum([await self._log.erase(stream, sequence) for sequence in sequences])


def _filling(sizes: Sequence[int]) -> int:
    """How many of the last ones fill a block; all, where they do not."""
    total = 0
    for count, size in enumerate(reversed(sizes), 1):
        total += size
        if total >= BLOCK_BYTES:
            return count
    return len(sizes)
