"""Judges one ACCEPTED frame against one version of the configuration, and makes the ROUTED frame that answers it.

Pure but for the look-up of claimed ids: the same frame, configuration and claims give the same answer.
"""

from collections import Counter
from collections.abc import Iterator

import structlog

from penstock.infra.snapshots import Snapshots
from penstock.kit.json import JsonError
from penstock.pipeline import order
from penstock.pipeline.dedupe import Claims, DedupeIndex
from penstock.pipeline.judging.answer import Answer, parts_of
from penstock.pipeline.judging.draft import FAILED, Draft, Ending, FrameView, RequestView
from penstock.pipeline.judging.requests import Sources, view_of
from penstock.pipeline.judging.tally import RECEIVED, Tally
from penstock.pipeline.judging.wire import read_event, write_event
from penstock.spec.accepted import AcceptedHead, AcceptedRow, RequestRecord
from penstock.spec.event import TYPE_NUMBERS, EventType
from penstock.spec.outcome import IngestReason
from penstock.spec.routed import ROUTED_TO_ALL, RoutedHead, RoutedRow, SourceRef

logger = structlog.get_logger(__name__)

BATCH_CALL = "batch"
TRACK = EventType.TRACK.value
TIMESTAMP_AHEAD = "timestamp_ahead"
"""Noted of events that say to have happened more than a day after they came."""
SLICE = 128
"""Events judged before the event loop gets its turn again."""
_INTERNAL = FAILED[IngestReason.INTERNAL]
_BAD_REQUEST = FAILED[IngestReason.BAD_REQUEST]
_REASONS = {reason.value: FAILED[reason] for reason in IngestReason}


def unknown_keys(head: AcceptedHead, snapshots: Snapshots) -> list[str]:
    """Write keys of the frame that the configuration does not hold."""
    keys = {request.write_key for request in head.requests}
    return [key for key in keys if snapshots.source_by_write_key(key) is None]


class FrameJudge:
    """One frame. Go through `slices`, then take `answer`."""

    def __init__(
        self, head: AcceptedHead, body: memoryview, snapshots: Snapshots, index: DedupeIndex, claims: Claims
    ) -> None:
        self._head = head
        self._body = bytes(body)
        self._version = snapshots.version
        self._sources = Sources()
        self._requests = [view_of(record, head.lap, snapshots, self._sources) for record in head.requests]
        self._keys = self._keys_of_rows()
        # Taken at one moment: while this frame is judged, the claims of an earlier one may move into the index.
        self._frame = FrameView(index.known(self._keys) | claims.among(self._keys), set())
        self._admission, self._shaping = order.ADMISSION, order.SHAPING
        self._tally = Tally()
        self._rows: list[RoutedRow] = []
        self._pieces: list[bytes] = []
        self._offset = 0
        self._notes: Counter[str] = Counter()
        self._claims: list[tuple[int, str]] = []
        for record, request in zip(head.requests, self._requests, strict=True):
            self._count_left_out(record, request)
            self._notes.update(record.notes)

    def slices(self) -> Iterator[None]:
        """Judge the events in order, a few at each turn."""
        rows, keys = self._head.rows, self._keys
        for start in range(0, len(rows), SLICE):
            for row, key in zip(rows[start : start + SLICE], keys[start : start + SLICE], strict=True):
                self._judge(row, key)
            yield

    def answer(self, writer: str, covers: int) -> Answer:
        head = RoutedHead(
            writer=writer,
            covers=covers,
            part=0,
            parts=1,
            snapshot_version=self._version,
            sources=self._sources.refs,
            rows=self._rows,
            claims=self._claims,
            outcomes=self._tally.outcomes(),
            lap=self._head.lap,
            received_at=min((request.received_at for request in self._requests), default=0),
        )
        return Answer(parts_of(head, self._pieces), self._frame.claimed, dict(self._notes))

    def _keys_of_rows(self) -> list[bytes]:
        """One for each row. Where no source is known it is one that nobody can have claimed."""
        prefixes = [request.key_prefix for request in self._requests]
        known = len(prefixes)
        return [
            (prefixes[row.request] + row.message_id).encode() if row.request < known else b"" for row in self._head.rows
        ]

    def _count_left_out(self, record: RequestRecord, request: RequestView) -> None:
        for code, number in record.left_out.items():
            self._tally.count(
                request.source_number, _REASONS.get(code, _INTERNAL), name=request.key_hint, number=number
            )

    def _judge(self, row: AcceptedRow, key: bytes) -> None:
        if row.request >= len(self._requests):
            self._tally.count(self._sources.number_of(None), _INTERNAL)
            return
        request = self._requests[row.request]
        text = self._body[row.offset : row.offset + row.length]
        try:
            event, unknown, notes = read_event(text, request.contexts.last)
        except JsonError:
            ending = request.ending or _BAD_REQUEST
            self._tally.count_stranger(request.source_number, ending, _type_of(request, None), request.key_hint)
            return
        if notes:
            self._notes.update(notes)
        event.type = _type_of(request, event.type)
        draft = Draft(row, request, event, key)
        try:
            if (ended := self._go_through(draft)) is None:
                self._keep(draft, write_event(event, unknown))
            else:
                self._count(draft, ended)
        except Exception:
            # One event that we cannot judge must not stop the shard; it ends by name and the fault is in the log.
            logger.exception("An event could not be judged.", message_id=row.message_id)
            self._count(draft, _INTERNAL)

    def _go_through(self, draft: Draft) -> Ending | None:
        for step in self._admission:
            if (ending := step(draft, self._frame)) is not None:
                return ending
        for step in self._shaping:
            if (ending := step(draft, self._frame)) is not None:
                self._admit(draft)
                self._claims.append((draft.request.source_number, draft.row.message_id))
                return ending
        return None

    def _keep(self, draft: Draft, text: bytes) -> None:
        self._admit(draft)
        if draft.is_ahead:
            self._notes[TIMESTAMP_AHEAD] += 1
        row = RoutedRow(
            self._offset,
            len(text),
            draft.request.source_number,
            TYPE_NUMBERS[draft.event.type],
            draft.row.message_id,
            ROUTED_TO_ALL,
            "",
            draft.metadata,
        )
        self._rows.append(row)
        self._pieces.append(text)
        self._offset += len(text)

    def _admit(self, draft: Draft) -> None:
        """It counts as received and has its message id."""
        event = draft.event
        name = event.event if event.type == TRACK else ""
        self._tally.count(draft.request.source_number, RECEIVED, event.type, name)
        self._frame.claimed.add(draft.key)

    def _count(self, draft: Draft, ending: Ending) -> None:
        name = draft.request.key_hint or draft.event.event
        self._tally.count_stranger(draft.request.source_number, ending, draft.event.type, name)


def _type_of(request: RequestView, own: object) -> object:
    """The path names the type of a single event; only a batch lets its elements speak."""
    return own if request.call == BATCH_CALL else request.call


def damaged_answer(writer: str, covers: int, count: int, version: int) -> Answer:
    """The empty frame that answers a damaged one: its events end as internal, the stream goes on."""
    tally = Tally()
    tally.count(0, _INTERNAL, number=max(1, count))
    head = RoutedHead(writer, covers, 0, 1, version, [SourceRef("", "")], [], [], tally.outcomes())
    return Answer(parts_of(head, []), frozenset())
