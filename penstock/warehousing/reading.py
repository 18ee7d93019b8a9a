"""One step of a sync: the next frames of ROUTED as batches by source, bounded in bytes and cells.

Frames whose head names no wanted source are passed over without a look at their events; so are rows that are blocked or
wait for a function, and events that say themselves that they are not for this warehouse.
"""

from collections.abc import Mapping

import msgspec
import structlog

from penstock.catalog.warehouses.batch import SourceBatch
from penstock.catalog.warehouses.discards import DiscardKind
from penstock.infra.log import Log, Message
from penstock.spec import routed, streams
from penstock.spec.frame import FrameError
from penstock.spec.routed import ROUTED_TO_ALL, RoutedHead, RoutedRow
from penstock.spec.snapshot import SourceSnapshot, WarehouseSnapshot
from penstock.warehousing.flatten import decode_event, flatten
from penstock.warehousing.selection import is_for_warehouse

logger = structlog.get_logger(__name__)

STEP_BYTES = 16 << 20
"""Bytes of frames in one transaction; a large backlog is loaded in several."""
STEP_CELLS = 8_000_000
"""Rows times columns in one transaction: what wide events cost in memory."""
_REQUEST_BYTES = 4 << 20


class Step(msgspec.Struct):
    """What was read: batches by source, and the sequence up to which it reaches."""

    to: int
    sources: dict[str, SourceBatch]
    frames: int = 0
    bytes: int = 0

    @property
    def is_full(self) -> bool:
        return self.bytes >= STEP_BYTES or sum(batch.cells for batch in self.sources.values()) >= STEP_CELLS

    @property
    def has_work(self) -> bool:
        return any(batch.events or batch.discards.total for batch in self.sources.values())


class RoutedReader:
    """Reads one shard for one warehouse, with the configuration of one moment."""

    def __init__(
        self, log: Log, shard: int, warehouse: WarehouseSnapshot, sources: Mapping[str, SourceSnapshot]
    ) -> None:
        self._log = log
        self._stream = streams.routed(shard)
        self._warehouse = warehouse
        self._sources = sources
        self._excluded = frozenset(warehouse.excluded)

    async def step(self, after: int, until: int) -> Step:
        """The next step of (after, until]; its `to` is `until` where nothing is left. Raises LogError."""
        step = Step(after, {})
        while step.to < until and not step.is_full:
            messages = await self._log.get_batch(self._stream, step.to + 1, max_bytes=_REQUEST_BYTES)
            if not messages:
                step.to = until
            for message in messages:
                if message.sequence > until:
                    step.to = until
                    break
                self._take(step, message)
                if step.is_full:
                    break
        return step

    def _take(self, step: Step, message: Message) -> None:
        step.to = message.sequence
        step.frames += 1
        try:
            head = routed.decoder.head(message.payload)
            wanted = {index: batch for index in range(len(head.sources)) if (batch := self._batch(step, head, index))}
            if not wanted or not head.rows:
                return
            _, body = routed.decoder.frame(message.payload)
        except FrameError as error:
            # The engine alarms too; for the warehouse the frame's events are lost, which nobody may overlook.
            logger.error(  # noqa: TRY400
                "A routed frame cannot be read.", stream=self._stream, sequence=message.sequence, reason=str(error)
            )
            return
        step.bytes += len(message.payload)
        for row in head.rows:
            batch = wanted.get(row.source)
            if batch is None or row.fate != ROUTED_TO_ALL:
                continue
            self._take_row(batch, row, body[row.offset : row.offset + row.length])

    def _take_row(self, batch: SourceBatch, row: RoutedRow, raw: memoryview) -> None:
        try:
            event = decode_event(raw)
            if is_for_warehouse(event, self._warehouse.id):
                flatten(batch, event, row.message_id, row.event_type)
        except ValueError as error:
            batch.discards.add("", "", row.message_id, str(error), DiscardKind.UNREADABLE)
        except Exception as error:
            # One event that nobody foresaw must not hold the warehouse; it is counted and the fault is in the log.
            logger.exception("An event cannot be brought into tables.", source=batch.source_id, id=row.message_id)
            batch.discards.add("", "", row.message_id, repr(error), DiscardKind.UNREADABLE)

    def _batch(self, step: Step, head: RoutedHead, index: int) -> SourceBatch | None:
        """The batch of a source of the frame; None where it is not for this warehouse."""
        ref = head.sources[index]
        if ref.workspace_id != self._warehouse.workspace_id or ref.source_id in self._excluded or not ref.source_id:
            return None
        found = step.sources.get(ref.source_id)
        if found is None:
            source = self._sources.get(ref.source_id)
            found = step.sources[ref.source_id] = SourceBatch(ref.source_id, schema_name_of(ref.source_id, source))
        return found


def schema_name_of(source_id: str, source: SourceSnapshot | None) -> str:
    """A source that was deleted in the meantime has no name any more; its events are kept under its id."""
    return source.schema_name if source and source.schema_name else f"source_{source_id.lower()}"
