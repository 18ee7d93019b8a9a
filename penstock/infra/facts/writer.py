"""Writing facts of one role and shard, without gap and without overlap, whoever else may write them too.

Errors:
    FactGapError    the fact does not begin where the last one ended: nothing was written
"""

from typing import Any

from penstock.infra.log import Log, Message, SequenceMismatch
from penstock.spec.facts import (
    STREAM,
    CountedOutcome,
    CountedUsage,
    FactHead,
    SeenOnDay,
    ViolatedOnDay,
    decoder,
    encode_fact,
    subject,
)


class FactGapError(Exception):
    """`after` is not where the last fact ended; `watermark` is."""

    def __init__(self, role: str, shard: int, after: int, watermark: int) -> None:
        super().__init__(f"facts of {role}.{shard} end at {watermark}; one after {after} would not join")
        self.watermark = watermark


class FactWriter:
    """`open` finds the last fact, and `watermark` is where it ended: what is counted next begins there."""

    def __init__(self, log: Log, role: str, shard: int) -> None:
        self._log = log
        self._role = role
        self._shard = shard
        self._subject = subject(role, shard)
        self._last_sequence = 0
        self._is_known = False
        self.watermark = 0

    async def open(self) -> "FactWriter":
        """Read where the last fact ended. Raises LogError, FrameError."""
        self._stand_after(await self._log.last(STREAM, self._subject))
        return self

    async def write(
        self,
        *,
        stream: str,
        after: int,
        to: int,
        outcomes: list[CountedOutcome] | None = None,
        syncs: list[dict[str, Any]] | None = None,
        usage: list[CountedUsage] | None = None,
        seen: list[SeenOnDay] | None = None,
        violated: list[ViolatedOnDay] | None = None,
    ) -> int:
        """Append one fact over (after, to] of `stream` and return its sequence.

        Raises FactGapError where it does not begin at the watermark; another writer's fact counts (the watermark is
        then read anew). Raises LogUnavailable where nobody knows whether it is stored: `open` again tells.
        """
        if not self._is_known:
            await self.open()
        if after != self.watermark or to < after:
            raise FactGapError(self._role, self._shard, after, self.watermark)
        told = (outcomes or [], syncs or [], usage or [], seen or [], violated or [])
        head = FactHead(self._role, self._shard, stream, after, to, *told)
        self._is_known = False
        try:
            sequence = await self._log.append(self._subject, encode_fact(head), expected_last=self._last_sequence)
        except SequenceMismatch as error:
            await self.open()
            raise FactGapError(self._role, self._shard, after, self.watermark) from error
        self._last_sequence, self.watermark, self._is_known = sequence, to, True
        return sequence

    def _stand_after(self, message: Message | None) -> None:
        self._last_sequence = message.sequence if message else 0
        self.watermark = decoder.head(message.payload).to if message else 0
        self._is_known = True
