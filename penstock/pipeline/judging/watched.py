"""The judge of a frame that somebody watches: it judges as ever, and notes what became of each event.

One that nobody watches is judged by `FrameJudge` itself, which knows nothing of this and so pays nothing for it.
"""

from typing import Any

import msgspec

from penstock.infra.snapshots import Snapshots
from penstock.kit.time import format_iso
from penstock.pipeline.dedupe import Claims, DedupeIndex
from penstock.pipeline.judging.answer import Answer
from penstock.pipeline.judging.draft import Draft, Ending, RequestView
from penstock.pipeline.judging.judge import FrameJudge
from penstock.pipeline.judging.people import Hashed, unsalted
from penstock.pipeline.judging.rules import Rulebook
from penstock.pipeline.judging.tally import RECEIVED
from penstock.pipeline.steps.suppress import DELETED, SUPPRESSED
from penstock.spec.accepted import AcceptedHead, AcceptedRow
from penstock.spec.routed import ROUTED_TO_ALL
from penstock.spec.tail import NAME_LIMIT, TailLine, TailStep, shown


class WatchedJudge(FrameJudge):
    """Two lines for each event: that it was received, and how it was judged."""

    def __init__(
        self,
        head: AcceptedHead,
        body: memoryview,
        snapshots: Snapshots,
        index: DedupeIndex,
        claims: Claims,
        rulebook: Rulebook,
        now_ms: int,
        hashed: Hashed = unsalted,
    ) -> None:
        self._now = format_iso(now_ms)
        self._lines: list[TailLine] = []
        super().__init__(head, body, snapshots, index, claims, rulebook, hashed)

    def answer(self, writer: str, covers: int) -> Answer:
        return msgspec.structs.replace(super().answer(writer, covers), lines=self._lines)

    def _keep(self, draft: Draft, text: bytes, fate: int = ROUTED_TO_ALL, reason: str = "") -> None:
        super()._keep(draft, text, fate, reason)
        if fate == ROUTED_TO_ALL:
            self._tell(draft, RECEIVED)

    def _count(self, draft: Draft, ending: Ending) -> None:
        super()._count(draft, ending)
        if ending not in (SUPPRESSED, DELETED):  # nobody looks at what these people do
            self._tell(draft, ending)

    def _count_unreadable(self, row: AcceptedRow, request: RequestView, ending: Ending) -> None:
        super()._count_unreadable(row, request, ending)
        self._note(request, ending, message_id=shown(row.message_id))

    def _left_out(self, request: RequestView, ending: Ending, number: int) -> None:
        super()._left_out(request, ending, number)
        self._note(request, ending, count=number)

    def _tell(self, draft: Draft, ending: Ending) -> None:
        event = draft.event
        self._note(
            draft.request,
            ending,
            message_id=shown(draft.row.message_id),
            event_type=shown(event.type),
            event_name=shown(event.event, NAME_LIMIT),
            user_id=shown(event.user_id),
            anonymous_id=shown(event.anonymous_id),
        )

    def _note(self, request: RequestView, ending: Ending, **about: Any) -> None:
        source = request.source
        about |= {
            "workspace_id": "" if source is None else source.workspace_id,
            "source_id": request.project_id,
            "source": request.key_hint if source is None else source.slug,
        }
        self._lines.append(TailLine(step=TailStep.RECEIVED, time=request.received_text, **about))
        self._lines.append(
            TailLine(
                step=TailStep.PIPELINE, time=self._now, outcome=ending.outcome.value, reason=ending.reason, **about
            )
        )
