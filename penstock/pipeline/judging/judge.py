"""Judges one ACCEPTED frame against one version of the configuration, and makes the ROUTED frame that answers it.

Pure but for the look-up of claimed ids: the same frame, configuration and claims give the same answer.
"""

from collections import Counter
from collections.abc import Iterator

import structlog

from penstock.infra.snapshots import Snapshots
from penstock.kit.json import JsonError
from penstock.pipeline import order
from penstock.pipeline.dedupe import Claims, DedupeIndex, key_of
from penstock.pipeline.judging.answer import Answer, parts_of
from penstock.pipeline.judging.apart import APART, Apart
from penstock.pipeline.judging.draft import FAILED, FOR_LAP, Draft, Ending, FrameView, Made, RequestView, Step
from penstock.pipeline.judging.people import Hashed, People, unsalted
from penstock.pipeline.judging.requests import Sources, view_for_made, view_of
from penstock.pipeline.judging.rules import Rulebook
from penstock.pipeline.judging.shapes import Shapes
from penstock.pipeline.judging.tally import RECEIVED, Tally
from penstock.pipeline.judging.wire import read_event
from penstock.spec.accepted import AcceptedHead, AcceptedRow, RequestRecord
from penstock.spec.event import TYPE_NUMBERS, EventType
from penstock.spec.findings import encode_findings
from penstock.spec.laps import LAP, is_repeated
from penstock.spec.outcome import IngestReason, Outcome
from penstock.spec.routed import BLOCKED, FOR_FUNCTION, ROUTED_TO_ALL, RoutedHead, RoutedRow
from penstock.spec.snapshot import SourceSnapshot

logger = structlog.get_logger(__name__)

BATCH_CALL = "batch"
TRACK = EventType.TRACK.value
TIMESTAMP_AHEAD = "timestamp_ahead"
"""Noted of events that say to have happened more than a day after they came."""
SLICE = 128
"""Events judged before the event loop gets its turn again."""
_INTERNAL = FAILED[IngestReason.INTERNAL]
_DUPLICATE = FAILED[IngestReason.DUPLICATE]
_BAD_REQUEST = FAILED[IngestReason.BAD_REQUEST]
_REASONS = {reason.value: FAILED[reason] for reason in IngestReason}


def unknown_keys(head: AcceptedHead, snapshots: Snapshots) -> list[str]:
    """Write keys of the frame that the configuration does not hold."""
    keys = {request.write_key for request in head.requests}
    return [key for key in keys if snapshots.source_by_write_key(key) is None]


class FrameJudge:
    """One frame. Go through `slices`, then take `answer`."""

    def __init__(
        self,
        head: AcceptedHead,
        body: memoryview,
        snapshots: Snapshots,
        index: DedupeIndex,
        claims: Claims,
        rulebook: Rulebook,
        hashed: Hashed = unsalted,
    ) -> None:
        self._head = head
        self._is_again = is_repeated(head.lap)
        self._body = bytes(body)
        self._snapshots = snapshots
        self._rulebook = rulebook
        self._sources = Sources()
        self._requests = [view_of(record, head.lap, snapshots, self._sources, rulebook) for record in head.requests]
        self._keys = self._keys_of_rows()
        # Taken at one moment: while this frame is judged, the claims of an earlier one may move into the index.
        self._frame = FrameView(index.known(self._keys) | claims.among(self._keys), set())
        self._earlier = index, claims
        self._admission, self._shaping = order.ADMISSION, order.SHAPING
        self._tally = Tally()
        self._people = People(hashed)
        self._shapes = Shapes()
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
        self._shapes.count_received(self._tally)
        head = RoutedHead(
            writer=writer,
            covers=covers,
            part=0,
            parts=1,
            snapshot_version=self._snapshots.version,
            sources=self._sources.refs,
            rows=self._rows,
            claims=self._claims,
            outcomes=self._tally.outcomes(),
            lap=self._head.lap,
            received_at=min((request.received_at for request in self._requests), default=0),
            people=[] if self._is_again else self._people.counted(),
            findings=b"" if self._is_again else encode_findings(self._shapes.seen(), self._frame.violated.counted()),
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
            self._left_out(request, _REASONS.get(code, _INTERNAL), number)

    def _left_out(self, request: RequestView, ending: Ending, number: int) -> None:
        self._tally.count(request.source_number, ending, name=request.key_hint, number=number)

    def _judge(self, row: AcceptedRow, key: bytes) -> None:
        if row.request >= len(self._requests):
            self._tally.count(self._sources.number_of(None), _INTERNAL)
            return
        request = self._requests[row.request]
        text = self._body[row.offset : row.offset + row.length]
        if (apart := APART.get(request.call)) is not None:
            self._judge_apart(apart, row, request, key, text)
            return
        try:
            event, unknown, notes, held = read_event(text, request.contexts.last)
        except JsonError:
            self._count_unreadable(row, request, request.ending or _BAD_REQUEST)
            return
        if notes:
            self._notes.update(notes)
        event.type = _type_of(request, event.type)
        self._judge_draft(Draft(row, request, event, key, unknown, held), self._admission)
        if self._frame.made:
            self._judge_made(request)

    def _judge_apart(self, apart: Apart, row: AcceptedRow, request: RequestView, key: bytes, text: bytes) -> None:
        is_known = key in self._frame.known or key in self._frame.claimed
        if is_known and apart.is_repeated_by_us:
            return
        ending = request.ending or (_DUPLICATE if is_known else apart.ending_of(request, text))
        if ending is not None:
            self._left_out(request, ending, 1)
            if apart.is_repeated_by_us and request.ending is None:
                self._frame.claimed.add(key)
                self._claims.append((request.source_number, row.message_id))
            return
        self._frame.claimed.add(key)
        self._append(RoutedRow(self._offset, len(text), request.source_number, 0, row.message_id, apart.fate), text)

    def _judge_draft(self, draft: Draft, admission: tuple[Step, ...]) -> None:
        try:
            if (ended := self._go_through(draft, admission)) is None:
                self._keep(draft, draft.written())
            elif ended is not FOR_LAP:
                self._count(draft, ended)
        except Exception:
            # One event that we cannot judge must not stop the shard; it ends by name and the fault is in the log.
            logger.exception("An event could not be judged.", message_id=draft.row.message_id)
            self._count(draft, _INTERNAL)

    def _go_through(self, draft: Draft, admission: tuple[Step, ...]) -> Ending | None:
        for step in admission:
            if (ending := step(draft, self._frame)) is not None:
                return ending
        for step in self._shaping:
            if (ending := step(draft, self._frame)) is not None:
                if ending is FOR_LAP:
                    self._keep(draft, draft.as_admitted(), FOR_FUNCTION)
                elif ending.is_kept:
                    self._keep(draft, draft.as_admitted(), BLOCKED, ending.reason)
                else:
                    self._admit(draft)
                    self._claims.append((draft.request.source_number, draft.row.message_id))
                return ending
        return None

    def _judge_made(self, request: RequestView) -> None:
        """What the event before made, each for its source. What is made of it has no plan, and so makes nothing."""
        made, self._frame.made = self._frame.made, []
        for each in made:
            source = self._snapshots.sources.get(each.source_id)
            if source is None or self._was_made_before(each, source):
                continue
            view = view_for_made(
                request,
                self._head.lap,
                source,
                self._sources.number_of(source),
                self._rulebook.rules_of(source, self._snapshots),
                self._rulebook.suppressed_in(source, self._snapshots),
            )
            self._judge_draft(self._draft_of_made(each, view), order.OF_MADE)

    def _was_made_before(self, made: Made, source: SourceSnapshot) -> bool:
        """Whether an event that is judged again, as a replay brings it, made the same when it came."""
        key, (index, claims) = key_of("", source.workspace_id, made.message_id), self._earlier
        return bool(self._head.lap and (index.known([key]) or claims.among([key])))

    def _draft_of_made(self, made: Made, view: RequestView) -> Draft:
        key = (view.key_prefix + made.message_id).encode()
        index, claims = self._earlier
        if index.known([key]) or claims.among([key]):
            self._frame.known = self._frame.known | {key}
        event, unknown, _, _ = read_event(made.text)
        return Draft(AcceptedRow(0, 0, 0, made.message_id), view, event, key, unknown)

    def _keep(self, draft: Draft, text: bytes, fate: int = ROUTED_TO_ALL, reason: str = "") -> None:
        self._admit(draft)
        if draft.is_ahead:
            self._notes[TIMESTAMP_AHEAD] += 1
        if fate == ROUTED_TO_ALL:
            event = draft.event
            self._people.add(draft.request.source_number, event.user_id, event.anonymous_id)
        row = RoutedRow(
            self._offset,
            len(text),
            draft.request.source_number,
            TYPE_NUMBERS[draft.event.type],
            draft.row.message_id,
            fate,
            reason,
            draft.metadata,
        )
        self._append(row, text)

    def _append(self, row: RoutedRow, text: bytes) -> None:
        self._rows.append(row)
        self._pieces.append(text)
        self._offset += len(text)

    def _admit(self, draft: Draft) -> None:
        """It counts as received, once, and has its message id."""
        self._frame.claimed.add(draft.key)
        if self._head.lap == LAP or self._is_replayed(draft):
            return
        event, request = draft.event, draft.request
        version = request.contexts.app_version
        if draft.held is None:
            name = event.event if event.type == TRACK else ""
            self._tally.count(request.source_number, RECEIVED, event.type, name, app_version=version)
        else:
            self._shapes.add(request.source_number, event, version, draft.held)

    def _is_replayed(self, draft: Draft) -> bool:
        """It was received when it came, and how it ended then is counted; what is made of it was not and is."""
        return self._is_again and draft.held is not None

    def _count_unreadable(self, _: AcceptedRow, request: RequestView, ending: Ending) -> None:
        self._tally.count_stranger(request.source_number, ending, _type_of(request, None), request.key_hint)

    def _count(self, draft: Draft, ending: Ending) -> None:
        if self._is_replayed(draft):
            return
        if ending is _DUPLICATE and (self._head.lap == LAP or draft.row.made_id):
            # Its function ran again, because what ended the first run was not written; nobody sent it twice.
            return
        request, event = draft.request, draft.event
        # The context of what was not received was never looked into.
        version = request.contexts.app_version if ending.outcome is Outcome.FILTERED_AT_SOURCE else ""
        self._tally.count_stranger(
            request.source_number, ending, event.type, request.key_hint or event.event, app_version=version
        )


def _type_of(request: RequestView, own: object) -> object:
    """The path names the type of a single event; only a batch lets its elements speak."""
    return own if request.call == BATCH_CALL else request.call
