"""Stage 8: the events and the names that a source without a tracking plan does not let pass (protocols.md §8)."""

from penstock.pipeline.judging.draft import Draft, Ending, FrameView
from penstock.pipeline.steps.enforce_plan.forwarding import blocked_event
from penstock.spec.event import HOLDERS, EventType
from penstock.spec.outcome import Outcome, SourceReason

_BLOCKED = {
    is_kept: Ending(Outcome.FILTERED_AT_SOURCE, SourceReason.EVENT_SETTING, is_kept) for is_kept in (True, False)
}
_NAMED = frozenset({EventType.PAGE.value, EventType.SCREEN.value})


def filter_schema(draft: Draft, frame: FrameView) -> Ending | None:
    """What is blocked is kept as it was admitted, unless its source keeps nothing. The event is only opened
    where there is something to leave out.
    """
    rules = draft.request.rules
    if rules is None or not rules.filters:
        return None
    event = draft.event
    name = (event.event if event.type == EventType.TRACK else event.name if event.type in _NAMED else "") or ""
    if rules.filters.blocks(event.type, name):
        if target := rules.source.controls.blocked_to:
            frame.made.append(blocked_event(draft, rules.source, target))
        return _BLOCKED[rules.source.keeps_blocked]
    if omitted := rules.filters.omitted(event.type, name):
        document, holder = draft.document, HOLDERS[event.type]
        members = document.get(holder) or {}
        kept = {member: value for member, value in members.items() if member not in omitted}
        if len(kept) < len(members):
            draft.change({**document, holder: kept})
    return None
