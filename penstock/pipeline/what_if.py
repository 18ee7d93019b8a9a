"""What-if: accepted events judged twice, by the configuration as it is and by another one, without any effect.

The stages are those of `order.py`, run by the judge that judges live frames, and what is left goes through those of a
destination as delivery runs them. Only events of the one source are judged, each message id once. Beside live traffic
it takes a quarter of a processor at most, whoever asks: questions are answered one after another, and it rests three
times as long as it works.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Sequence
from collections.abc import Set as AbstractSet
from typing import Any

import msgspec

from penstock.infra.calls import CallFailed
from penstock.infra.log import Log, Message
from penstock.infra.snapshots import Snapshots, SnapshotView
from penstock.kit.clock import Clock
from penstock.pipeline.dedupe import Claims
from penstock.pipeline.judging.draft import Draft, Ending
from penstock.pipeline.judging.judge import FrameJudge
from penstock.pipeline.judging.rules import Rulebook
from penstock.pipeline.lived import LivedFrames, Seen
from penstock.spec import accepted
from penstock.spec.accepted import AcceptedHead
from penstock.spec.edits.transformations import Open, no_key
from penstock.spec.frame import FrameError
from penstock.spec.laps import is_repeated
from penstock.spec.routed import ROUTED_TO_ALL, RoutedRow
from penstock.spec.snapshot import DestinationSnapshot, Snapshot, SnapshotEnvelope, SnapshotKind
from penstock.spec.what_if import Difference, WhatIf, WhatIfReport

SAMPLES = 50
SAMPLES_OF_A_KIND = 5
"""Of events that end in one way before and in one way after."""
_REST = 3.0
_WAITING_LIMIT = 8
"""Questions that are answered or wait for their turn."""
_ANSWER_SECONDS = 30.0
"""After which an answer tells what was judged by then: who waits behind all others still gets one in time."""
_AT_ONCE = 64
"""Events that are compared before others get their turn."""
Fate = tuple[str, bytes]
"""Why an event ends (empty: it goes on), and its JSON if it goes on."""
Gate = Callable[[RoutedRow, bytes], Fate]
"""What a destination gets of an event of ROUTED."""
OpenGate = Callable[[DestinationSnapshot, Open], Gate]
"""Of the destination as it is told there. Delivery has the stages, and is given here: neither plane knows the other."""


class NotingJudge(FrameJudge):
    """Judges as ever, and notes what becomes of each event of the source that is asked about."""

    def __init__(self, source_id: str, *arguments: Any) -> None:
        self.fates: dict[int, Fate] = {}
        """By where the event stands: a message id may be there several times."""
        self.names: dict[int, tuple[str, str, str]] = {}
        """Message id, type and name."""
        self.routed: dict[int, RoutedRow] = {}
        """Of those that go on."""
        self._source_id = source_id
        super().__init__(*arguments)

    @property
    def claimed(self) -> AbstractSet[bytes]:
        """Without making the frame, which holds the loop for as long as it is large."""
        return self._frame.claimed

    def _keep(self, draft: Draft, text: bytes, fate: int = ROUTED_TO_ALL, reason: str = "") -> None:
        super()._keep(draft, text, fate, reason)
        if fate == ROUTED_TO_ALL and self._is_asked_about(draft):
            self._note(draft, ("", text))
            self.routed[draft.row.offset] = self._rows[-1]

    def _count(self, draft: Draft, ending: Ending) -> None:
        super()._count(draft, ending)
        if self._is_asked_about(draft):
            self._note(draft, (ending.reason, b""))

    def _is_asked_about(self, draft: Draft) -> bool:
        """What a plan makes for another source is no event of this one, and stands nowhere in the frame."""
        return draft.request.project_id == self._source_id

    def _note(self, draft: Draft, fate: Fate) -> None:
        place, name = draft.row.offset, draft.event.event
        self.fates[place] = fate
        told = name if isinstance(name, str) else ""
        self.names[place] = (draft.row.message_id, str(draft.event.type), told)


class _Side:
    """One of the two configurations."""

    def __init__(self, snapshots: Snapshots, gate: Gate | None, open_key: Open) -> None:
        self.snapshots = snapshots
        self.rulebook = Rulebook(open_key)
        self.endings: Counter[str] = Counter()
        self._gate = gate

    def fate(self, judged: NotingJudge, place: int) -> Fate | None:
        """Of the event there, at the destination if one is asked about. None: it was not judged here."""
        row, fate = judged.routed.get(place), judged.fates.get(place)
        return fate if self._gate is None or row is None or fate is None else self._gate(row, fate[1])


class WhatIfs:
    """Answers the call, for all shards: every engine may read every stream."""

    def __init__(
        self, log: Log, view: SnapshotView, clock: Clock, shards: int, open_gate: OpenGate, open_key: Open = no_key
    ) -> None:
        self._log = log
        self._view = view
        self._clock = clock
        self._shards = shards
        self._open_gate = open_gate
        self._open_key = open_key
        self._turn = asyncio.Lock()
        self._asked = 0

    async def answer(self, call: WhatIf) -> WhatIfReport:
        """Raises LogError, and CallFailed where too many wait already."""
        if self._asked >= _WAITING_LIMIT:
            raise CallFailed("busy", f"{_WAITING_LIMIT} questions are answered one after another already; ask later")
        self._asked += 1
        try:
            async with self._turn:
                return await self._answered(call)
        finally:
            self._asked -= 1

    async def _answered(self, call: WhatIf) -> WhatIfReport:
        run = _Run(call, self._view.frozen(), self._clock, self._open_gate, self._open_key)
        began, place = _place_of(call.after)
        ends = self._clock.monotonic() + _ANSWER_SECONDS
        for shard in range(began, self._shards):
            stream, lived = accepted.stream_name(shard), LivedFrames(self._log, shard, run.rested)
            run.begin_shard()
            last = (await self._log.state(stream)).last
            start = place if shard == began and place else await self._log.sequence_at(stream, call.since)
            while start <= last and (batch := await self._log.get_batch(stream, start)):
                for message in batch:
                    if message.time_ms >= call.until:
                        break
                    if run.events >= call.limit or self._clock.monotonic() > ends:
                        return run.report(f"{shard}-{message.sequence}")
                    await run.judge(message.payload, message, lived)
                else:
                    start = batch[-1].sequence + 1
                    continue
                break
        return run.report()


class _Run:
    """One question on its way."""

    def __init__(self, call: WhatIf, live: Snapshots, clock: Clock, open_gate: OpenGate, open_key: Open) -> None:
        self._call = call
        self._clock = clock
        was, will_be = _live_destination(call, live), call.destination
        self._before = _Side(live, open_gate(was, open_key) if was else None, open_key)
        self._after = _Side(_substituted(call, live), open_gate(will_be, open_key) if will_be else None, open_key)
        self._keys = frozenset(call.source.write_keys)
        self._samples: dict[tuple[str, str], list[Difference]] = {}
        self._changed = 0
        self.events = 0
        self.begin_shard()

    def begin_shard(self) -> None:
        """Ids are claimed within a shard."""
        self._seen = Seen(self._call.source.id)

    async def judge(self, payload: bytes, message: Message | None = None, lived: LivedFrames | None = None) -> None:
        """Without what it was live (`lived`), ids are known that stood in frames judged before."""
        worked = time.perf_counter()
        try:
            head, body = accepted.decoder.frame(payload)
        except FrameError:
            return
        own = _own_rows(head, self._keys)
        if not own.rows or is_repeated(head.lap):
            return
        await self.rested(worked)
        self._seen.lived = await lived.of(message) if lived and message else None
        before = await self._judged(self._before, own, body)
        after = await self._judged(self._after, own, body)
        worked = time.perf_counter()
        self._seen.add(before.claimed)
        for number, place in enumerate(before.fates):
            if number % _AT_ONCE == 0:
                worked = await self.rested(worked)
            was, will_be = self._before.fate(before, place), self._after.fate(after, place)
            if was is not None:
                self._compare(before.names[place], was, was if will_be is None else will_be)
        await self.rested(worked)

    async def _judged(self, side: _Side, head: AcceptedHead, body: memoryview) -> NotingJudge:
        judge = NotingJudge(self._call.source.id, head, body, side.snapshots, self._seen, Claims(), side.rulebook)
        worked = time.perf_counter()
        for _ in judge.slices():
            worked = await self.rested(worked)
        return judge

    async def rested(self, worked: float) -> float:
        """Now, after a rest for all that was done since `worked`."""
        await self._clock.sleep((time.perf_counter() - worked) * _REST)
        return time.perf_counter()

    def _compare(self, names: tuple[str, str, str], before: Fate, after: Fate) -> None:
        self.events += 1
        self._before.endings[before[0]] += 1
        self._after.endings[after[0]] += 1
        if before == after:
            return
        self._changed += before[0] == after[0] == ""
        alike = self._samples.setdefault((before[0], after[0]), [])
        if len(alike) < SAMPLES_OF_A_KIND and sum(map(len, self._samples.values())) < SAMPLES:
            alike.append(Difference(*names, before[0], after[0], before[1], after[1]))

    def report(self, following: str = "") -> WhatIfReport:
        samples = [each for alike in self._samples.values() for each in alike]
        endings = dict(self._before.endings), dict(self._after.endings)
        return WhatIfReport(self.events, *endings, self._changed, samples, following)


def _own_rows(head: AcceptedHead, keys: AbstractSet[str]) -> AcceptedHead:
    own = {number for number, request in enumerate(head.requests) if request.write_key in keys}
    return msgspec.structs.replace(head, rows=[row for row in head.rows if row.request in own])


def _live_destination(call: WhatIf, live: Snapshots) -> DestinationSnapshot | None:
    return live.destinations.get(call.destination.id) if call.destination else None


def _substituted(call: WhatIf, live: Snapshots) -> Snapshots:
    snapshots = live.copy()
    given: Sequence[tuple[SnapshotKind, Snapshot | None]] = (
        (SnapshotKind.SOURCE, call.source),
        (SnapshotKind.PLAN, call.plan),
    )
    for kind, snapshot in given:
        if snapshot is not None:
            envelope = SnapshotEnvelope(kind, snapshot.id, snapshot.workspace_id, snapshot.version, is_deleted=False)
            snapshots.apply(envelope, snapshot)
    return snapshots


def _place_of(after: str) -> tuple[int, int]:
    """(shard, sequence) to go on from; sequence 0 where the range begins."""
    shard, _, sequence = after.partition("-")
    return (int(shard), int(sequence)) if shard.isdecimal() and sequence.isdecimal() else (0, 0)
