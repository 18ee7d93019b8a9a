"""Sync records as facts: read from the target where they were committed, so that none is doubled or made up.

Each warehouse reports under a name of its own, because a fact covers an interval of one reader, and every warehouse is
one. At a start what the target holds above the last fact is reported first: a kill between commit and fact ends there.
"""

from collections.abc import Iterator

import msgspec
import structlog

from penstock.catalog.warehouses.port import SyncRecord
from penstock.infra.facts import FactGapError, FactWriter
from penstock.infra.log import Log
from penstock.warehousing.loading import Target

logger = structlog.get_logger(__name__)

FACT_BYTES = 4 << 20
"""Of records in one fact."""


def fact_role(warehouse_id: str) -> str:
    """The role under which the facts of one warehouse stand."""
    return f"warehousing-{warehouse_id}"


class Reporter:
    """The sync records of one warehouse and shard, or of the lane of what sources have missed of it."""

    def __init__(self, log: Log, target: Target, shard: int, stream: str) -> None:
        self._writer = FactWriter(log, fact_role(target.snapshot.id), shard)
        self._target = target
        self._shard = shard
        self._stream = stream
        self._is_open = False

    async def report(self, to: int) -> None:
        """Write a fact of what was committed since the last one, up to `to`. Raises LogError, WarehouseError."""
        if not self._is_open:
            await self._writer.open()
            self._is_open = True
        records = await self._target.records_after(self._shard, self._writer.watermark)
        if not records:
            return
        try:
            await self._write(records, max(to, records[-1].to))
        except FactGapError as error:
            logger.error("Another process writes the facts of this warehouse.", reason=str(error))  # noqa: TRY400
        except BaseException:
            # Nobody knows whether it is stored; the last fact tells, the next time.
            self._is_open = False
            raise

    async def report_failure(self, record: SyncRecord) -> None:
        """A sync that failed covers nothing. Raises LogError."""
        if not self._is_open:
            await self._writer.open()
            self._is_open = True
        await self._write([record], self._writer.watermark)

    async def _write(self, records: list[SyncRecord], to: int) -> None:
        """All but the last of several facts cover nothing: after a kill they are written again, with the same ids."""
        parts = list(_parts(records))
        for number, part in enumerate(parts, 1):
            after = self._writer.watermark
            await self._writer.write(
                stream=self._stream,
                after=after,
                to=to if number == len(parts) else after,
                syncs=[msgspec.to_builtins(record) for record in part],
            )


def _parts(records: list[SyncRecord]) -> Iterator[list[SyncRecord]]:
    """As many as one message holds: a load may have thousands of sources, each with its notices."""
    part: list[SyncRecord] = []
    size = 0
    for record in records:
        length = len(msgspec.msgpack.encode(record))
        if part and size + length > FACT_BYTES:
            yield part
            part, size = [], 0
        part.append(record)
        size += length
    yield part
