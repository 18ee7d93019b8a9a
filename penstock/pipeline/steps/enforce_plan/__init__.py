"""Stage 7: the tracking plan of the source, as its schema settings say (protocols.md §6)."""

from penstock.pipeline.judging.draft import Draft, Ending, FrameView
from penstock.pipeline.steps.enforce_plan.clearance import is_cleared
from penstock.pipeline.steps.enforce_plan.enforcement import Enforced, enforced
from penstock.pipeline.steps.enforce_plan.forwarding import blocked_event, violation_events
from penstock.spec.outcome import Outcome, SourceReason
from penstock.spec.plans import Plan

__all__ = ["enforce_plan"]
_BLOCKED = {
    is_kept: {reason: Ending(Outcome.FILTERED_AT_SOURCE, reason, is_kept) for reason in SourceReason}
    for is_kept in (True, False)
}


def enforce_plan(draft: Draft, frame: FrameView) -> Ending | None:
    """What is blocked is kept as it was admitted, so that it can be judged again, unless its source keeps nothing."""
    rules = draft.request.rules
    if rules is None or rules.plan is None:
        return None
    before = draft.document
    if is_cleared(rules, rules.plan, draft.event, before):
        return None
    controls = rules.source.controls
    rule = rules.plan.rule_for(before["type"], before)
    if draft.is_part and not rules.plan.judges_within(rule, rules.names):
        before = draft.whole()
    judged = enforced(rules.plan, rule, controls, rules.source.id, before)
    if draft.is_part and (judged.reason is not None or judged.document is not before):
        # What is told of it, and where, is about all of the event.
        before = draft.whole()
        judged = enforced(rules.plan, rule, controls, rules.source.id, before)
    if judged.violations:
        _count(draft, frame, rules.plan, judged)
        if controls.violations_to:
            frame.made += violation_events(before, judged.violations, rules.source, rules.plan)
    if judged.reason is None:
        draft.change(judged.document)
        return None
    if controls.blocked_to:
        frame.made.append(blocked_event(draft, rules.source, controls.blocked_to))
    return _BLOCKED[rules.source.keeps_blocked][judged.reason]


def _count(draft: Draft, frame: FrameView, plan: Plan, judged: Enforced) -> None:
    source, document = draft.request.source_number, draft.document
    own, common = judged.violations[: judged.of_rule], judged.violations[judged.of_rule :]
    for rule, violations in ((judged.rule, own), (plan.common, common)):
        if rule is not None and violations:
            frame.violated.add(source, document, rule, violations)
