"""One step of a sync: the next frames of ROUTED as batches by source, bounded in bytes and cells.

Frames whose head names no wanted source are passed over without a look at their events; so are rows that are blocked or
wait for a function, and events that say themselves that they are not for this warehouse. Objects are for all warehouses
of their source.
"""

from collections.abc import Mapping
from typing import Any

import msgspec
import structlog

from penstock.catalog.warehouses.batch import SourceBatch
from penstock.catalog.warehouses.discards import DiscardKind
from penstock.infra.log import Log, Message
from penstock.kit.time import read_iso
from penstock.spec import routed, streams
from penstock.spec.deletions import Deleted
from penstock.spec.frame import FrameError
from penstock.spec.routed import FOR_WAREHOUSES, ROUTED_TO_ALL, RoutedHead, RoutedRow
from penstock.spec.snapshot import SourceSnapshot, WarehouseSnapshot
from penstock.spec.tail import CLOSED, Tap
from penstock.warehousing.flatten import decode_event, flatten, flatten_object
from penstock.warehousing.selection import ALL, excluded_sources, is_for_warehouse, selections_of
from penstock.warehousing.tap import LoadedEvent, loaded

logger = structlog.get_logger(__name__)

STEP_BYTES = 16 << 20
"""Bytes of frames in one transaction; a large backlog is loaded in several."""
STEP_CELLS = 8_000_000
"""Rows times columns in one transaction: what wide events cost in memory."""
_REQUEST_BYTES = 4 << 20
_NO_FATE = -1


class Step(msgspec.Struct):
    """What was read: batches by source, and the sequence up to which it reaches."""

    to: int
    sources: dict[str, SourceBatch]
    frames: int = 0
    bytes: int = 0
    loaded: list[LoadedEvent] = []
    """What it brings to the warehouse, where somebody watches."""

    @property
    def is_full(self) -> bool:
        return self.bytes >= STEP_BYTES or sum(batch.cells for batch in self.sources.values()) >= STEP_CELLS

    @property
    def batches(self) -> list[SourceBatch]:
        """Those that bring something."""
        return [batch for batch in self.sources.values() if batch.events or batch.objects or batch.discards.total]

    @property
    def has_work(self) -> bool:
        return bool(self.batches)


class RoutedReader:
    """Reads one shard for one warehouse, with the configuration of one moment; all its sources, or `only` some.

    Above `events_until` it takes objects alone.
    """

    def __init__(
        self,
        log: Log,
        shard: int,
        warehouse: WarehouseSnapshot,
        sources: Mapping[str, SourceSnapshot],
        tap: Tap = CLOSED,
        only: frozenset[str] | None = None,
        deleted: Deleted | None = None,
        events_until: int | None = None,
    ) -> None:
        self._events_until = events_until
        self._deleted = deleted
        self._tap = tap
        self._log = log
        self._stream = streams.routed(shard)
        self._warehouse = warehouse
        self._sources = sources
        self._excluded = excluded_sources(warehouse)
        self._selections = selections_of(warehouse)
        self._only = only

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
        is_watched = self._tap.is_open
        has_events = self._events_until is None or message.sequence <= self._events_until
        fate_of_events = ROUTED_TO_ALL if has_events else _NO_FATE
        for row in head.rows:
            batch = wanted.get(row.source)
            if batch is None:
                continue
            raw = body[row.offset : row.offset + row.length]
            if row.fate != fate_of_events:
                if row.fate == FOR_WAREHOUSES:
                    self._take_object(batch, row, raw, message.time_ms)
                continue
            event = self._take_row(batch, row, raw, message.time_ms)
            if is_watched and event is not None:
                step.loaded.append(loaded(batch.source_id, row, event))

    def _take_row(self, batch: SourceBatch, row: RoutedRow, raw: memoryview, time_ms: int) -> dict[str, Any] | None:
        """The event, where it is loaded."""
        try:
            event = decode_event(raw)
            if self._deleted is not None and _is_of(self._deleted, batch.source_id, event, time_ms):
                return None
            if is_for_warehouse(event, self._warehouse.id):
                selection = self._selections.get(batch.source_id, ALL)
                flatten(batch, event, row.message_id, row.event_type, selection)
                return event
        except ValueError as error:
            batch.discards.add("", "", row.message_id, str(error), DiscardKind.UNREADABLE)
        except Exception as error:
            # One event that nobody foresaw must not hold the warehouse; it is counted and the fault is in the log.
            logger.exception("An event cannot be brought into tables.", source=batch.source_id, id=row.message_id)
            batch.discards.add("", "", row.message_id, repr(error), DiscardKind.UNREADABLE)
        return None

    def _take_object(self, batch: SourceBatch, row: RoutedRow, raw: memoryview, time_ms: int) -> None:
        """What was told of an object; nothing of one that was deleted since, or that names such a person."""
        source_id, deleted = batch.source_id, self._deleted

        def is_of_deleted(user_id: object) -> bool:
            if deleted is None or not isinstance(user_id, str):
                return False
            return deleted.covers(source_id, user_id, None, received_at)

        try:
            told = decode_event(raw)
            received_at = _received_at(told, time_ms)
            if deleted is None or not deleted.covers_object(source_id, told["collection"], told["id"], received_at):
                flatten_object(batch, told, self._selections.get(source_id, ALL), is_of_deleted)
        except Exception as error:
            # As for events: what nobody foresaw must not hold the warehouse.
            logger.exception("An object cannot be brought into its table.", source=source_id, id=row.message_id)
            batch.discards.add("", "", row.message_id, repr(error), DiscardKind.UNREADABLE)

    def _batch(self, step: Step, head: RoutedHead, index: int) -> SourceBatch | None:
        """The batch of a source of the frame; None where it is not for this warehouse."""
        ref = head.sources[index]
        if ref.workspace_id != self._warehouse.workspace_id or ref.source_id in self._excluded or not ref.source_id:
            return None
        if self._only is not None and ref.source_id not in self._only:
            return None
        found = step.sources.get(ref.source_id)
        if found is None:
            source = self._sources.get(ref.source_id)
            found = step.sources[ref.source_id] = SourceBatch(ref.source_id, schema_name_of(ref.source_id, source))
        return found


def _is_of(deleted: Deleted, source_id: str, event: dict[str, Any], time_ms: int) -> bool:
    """Whether it is an event of somebody who was deleted since it came, `time_ms` at the latest."""
    received_at = _received_at(event, time_ms)
    return deleted.covers(source_id, _text(event, "userId"), _text(event, "anonymousId"), received_at)


def _received_at(event: dict[str, Any], time_ms: int) -> int:
    received = read_iso(told) if (told := _text(event, "receivedAt")) else None
    return received[0] if received else time_ms


def _text(event: dict[str, Any], name: str) -> str:
    value = event.get(name)
    return value if isinstance(value, str) else ""


def schema_name_of(source_id: str, source: SourceSnapshot | None) -> str:
    """A source that was deleted in the meantime has no name any more; its events are kept under its id."""
    return source.schema_name if source and source.schema_name else f"source_{source_id.lower()}"
