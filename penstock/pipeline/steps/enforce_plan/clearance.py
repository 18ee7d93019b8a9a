"""Whether a plan has nothing to say of an event, as of most: one call, put together once for events of a kind.

It knows no more than `enforcement`, and says of no event that it is cleared which that would change, block, or find a
violation in. Where it cannot tell without looking closer, it does not clear.
"""

from collections.abc import Callable
from typing import Any

from penstock.pipeline.judging.rules import SourceRules
from penstock.pipeline.judging.wire import WireEvent
from penstock.pipeline.steps.enforce_plan.enforcement import control_of
from penstock.spec.event import HOLDERS, EventType
from penstock.spec.plans import Plan, Rule

JsonObject = dict[str, Any]
Check = Callable[[JsonObject], bool]
KINDS_LIMIT = 512
"""Of one source that are remembered: names are the senders'."""
NAME_LIMIT = 255
"""Characters of a name that is remembered: of one event it may have 32 KiB."""
_TRACK = EventType.TRACK.value
_NAMED = frozenset({EventType.PAGE.value, EventType.SCREEN.value})


def is_cleared(rules: SourceRules, plan: Plan, event: WireEvent, document: JsonObject) -> bool:
    """Of an admitted event; `document` is what of it is opened for the rules of its source."""
    kind = event.type
    key = (kind, event.event if kind == _TRACK else event.name if kind in _NAMED else None)
    check = rules.clearances.get(key)
    if check is None:
        check = _check_of(rules, plan, *key)
        if len(key[1] or "") <= NAME_LIMIT:
            if len(rules.clearances) >= KINDS_LIMIT:
                rules.clearances.clear()
            rules.clearances[key] = check
    return check(document)


def _check_of(rules: SourceRules, plan: Plan, event_type: str, name: str | None) -> Check:
    control, versions = control_of(rules.source.controls, event_type), plan.versions_for(event_type, name)
    rule = versions[0] if versions else None
    is_told_by_kind = len(versions) <= 1
    is_seen = rules.looks_at is None or plan.judges_within(rule, rules.names)
    if not is_told_by_kind or not is_seen or (rule is None and not control.allows_unplanned_events):
        return _never
    checks: list[Check] = [each.allows for each in (rule, plan.common) if each is not None]
    if not control.allows_unplanned_members:
        checks.append(_has_no_unplanned(rule, HOLDERS.get(event_type, "")))
    return checks[0] if len(checks) == 1 else lambda document: all(check(document) for check in checks)


def _has_no_unplanned(rule: Rule | None, holder: str) -> Check:
    if rule is None:
        # Of what nobody planned only the traits are judged one by one.
        return lambda document: holder != "traits" or not document.get(holder)

    def check(document: JsonObject) -> bool:
        members = document.get(holder)
        return not isinstance(members, dict) or not rule.unplanned(holder, members)

    return check


def _never(_: JsonObject) -> bool:
    return False
