"""Sums what the heads of ROUTED tell into facts, at most one a second, each beginning where the last one ended."""

import asyncio

import structlog

from penstock.infra.facts import FactGapError, FactWriter
from penstock.infra.log import Log, LogError
from penstock.kit.clock import Clock
from penstock.pipeline.found import Found
from penstock.pipeline.judging.tally import OTHER
from penstock.pipeline.names import Names
from penstock.pipeline.usage import Usage
from penstock.spec.facts import CountedOutcome
from penstock.spec.frame import FrameError
from penstock.spec.routed import RoutedHead, decoder, stream_name

logger = structlog.get_logger(__name__)

ROLE = "pipeline"
SECONDS = 1.0
ROWS_LIMIT = 4_000
"""Counts after which a fact of the past is written, and new names of one second are counted as `other`."""
USAGE_BYTES_LIMIT = 1 << 20
"""Bytes of hashes after which a fact of the past is written."""
NAMES_LIMIT = 1_000
"""Different event names of one source that have counts of their own on one day; further ones are `other`."""

_Key = tuple[str, str, str, str, str, str, str, str, int, str]


class FactReporter:
    """Counts what `add` tells, and reads from the log what it was not told. `run` writes until it is cancelled."""

    def __init__(self, log: Log, shard: int, clock: Clock) -> None:
        self._log = log
        self._clock = clock
        self._stream = stream_name(shard)
        self._writer = FactWriter(log, ROLE, shard)
        self._counts: dict[_Key, int] = {}
        self._usage = Usage()
        self._found = Found()
        self._names = Names(NAMES_LIMIT)
        self._seen_names = Names(NAMES_LIMIT)
        self._counted_to = 0
        self._position = 0
        self._is_current = False
        """Whether `_counts` covers (last fact, position]; else it is read from the log."""
        self._changed = asyncio.Event()

    def stand_at(self, sequence: int) -> None:
        """The pipeline begins at this ROUTED sequence; what lies between it and the last fact is read."""
        self._position = sequence
        self._is_current = self._is_current and self._counted_to == sequence
        self._changed.set()

    def add(self, first: int, last: int, head: RoutedHead, now_ms: int) -> None:
        """A frame was appended as messages `first` to `last`; `head` is the last one's."""
        self._position = last
        if self._is_current and first == self._counted_to + 1:
            self._count(head, last, now_ms)
        else:
            self._is_current = False
        self._changed.set()

    async def run(self) -> None:
        while True:
            await self._changed.wait()
            self._changed.clear()
            try:
                await self.report()
            except (LogError, FactGapError, FrameError) as error:
                logger.warning("A fact is written later.", stream=self._stream, reason=str(error))
                self._is_current = False
                self._changed.set()
            await self._clock.sleep(SECONDS)

    async def report(self) -> None:
        """Write what has been counted. Raises LogError, FactGapError, FrameError."""
        if not self._is_current:
            await self._read_past()
        await self._write()

    async def _read_past(self) -> None:
        await self._writer.open()
        self._counts, self._usage, self._found, self._counted_to = {}, Usage(), Found(), self._writer.watermark
        while self._counted_to < self._position:
            batch = await self._log.get_batch(self._stream, self._counted_to + 1)
            if not batch:
                break
            for message in batch:
                try:
                    self._count(decoder.head(message.payload), message.sequence, message.time_ms)
                except FrameError as error:
                    logger.error(  # noqa: TRY400 - the frame is at fault, not this code
                        "A ROUTED frame cannot be counted.", sequence=message.sequence, reason=str(error)
                    )
                    self._counted_to = message.sequence
                is_large = len(self._counts) >= ROWS_LIMIT or self._usage.size >= USAGE_BYTES_LIMIT
                if is_large or self._found.is_large:
                    await self._write()
        self._is_current = self._counted_to >= self._position

    async def _write(self) -> None:
        after, to = self._writer.watermark, self._counted_to
        if to <= after:
            return
        outcomes = [CountedOutcome(*key[:9], number, app_version=key[9]) for key, number in self._counts.items()]
        usage, seen, violated = self._usage.counted(), self._found.seen(), self._found.violated()
        self._counts, self._usage, self._found = {}, Usage(), Found()
        try:
            await self._writer.write(
                stream=self._stream, after=after, to=to, outcomes=outcomes, usage=usage, seen=seen, violated=violated
            )
        except BaseException:
            # Nobody knows whether it is stored (a cancellation too): the log tells what is still to be counted.
            self._is_current = False
            raise

    def _count(self, head: RoutedHead, sequence: int, now_ms: int) -> None:
        minute = (head.received_at or now_ms) // 60_000
        for one in head.outcomes:
            source = head.sources[one.source]
            name = self._names.bounded(source.source_id, one.event_name, minute)
            ending = (one.outcome, one.reason, one.event_type, name, minute, one.app_version)
            key = (source.workspace_id, source.source_id, "", "", *ending)
            if key not in self._counts and len(self._counts) >= ROWS_LIMIT:
                # A fact must fit into one message whatever names senders make up.
                key = (*key[:7], OTHER, minute, OTHER)
            self._counts[key] = self._counts.get(key, 0) + one.count
        self._usage.add(head, now_ms)
        self._found.add(head, now_ms, self._seen_names)
        self._counted_to = sequence
