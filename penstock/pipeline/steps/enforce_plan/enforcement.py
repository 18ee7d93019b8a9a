"""How a plan and the schema settings of a source judge one event (protocols.md §6.1). Pure.

Invariants:
- Violations are told whatever the settings are; the settings decide only whether the event or its members go on.
- What is not planned is left out before the rule judges; the common rule judges what the own rule's control left.
- Only what an event keeps (its properties or traits) can be left out: by its first name where it violates a rule, at
  its own place where it is not declared.
"""

from collections.abc import Iterable
from typing import Any

import msgspec

from penstock.spec.event import HOLDERS, EventType
from penstock.spec.outcome import SourceReason
from penstock.spec.plans import Plan, Rule, Violation
from penstock.spec.snapshot import ControlSnapshot, SchemaControlsSnapshot

JsonObject = dict[str, Any]
_OPEN = ControlSnapshot()
_EACH_ITEM = "$"
_IDENTIFY, _GROUP, _ALIAS = (kind.value for kind in (EventType.IDENTIFY, EventType.GROUP, EventType.ALIAS))
_OURS = frozenset({"sourceId", "omitted", "omitted_on_violation", "violations"})


class Enforced(msgspec.Struct, frozen=True):
    """What came of an event: `reason` where it is blocked."""

    document: JsonObject
    reason: SourceReason | None
    violations: list[Violation]
    rule: Rule | None = None
    """The event's own; None where none is for it."""
    of_rule: int = 0
    """How many of the violations are of that one; the others are of the common one."""


def enforced(
    plan: Plan, rule: Rule | None, controls: SchemaControlsSnapshot, source_id: str, event: JsonObject
) -> Enforced:
    """`rule` is the event's own in the plan; the event holds at least what it and the common one look at."""
    event_type = event["type"]
    control, holder = control_of(controls, event_type), HOLDERS.get(event_type, "")
    left, unplanned = _without_unplanned(event, rule, holder, control)
    own = rule.violations(left) if rule else []
    left, violating = (left, []) if control.allows_members_on_violations else _without_members(left, holder, own)
    common = plan.common.violations(left) if plan.common else []
    if control.common == "OMIT":
        left, others = _without_members(left, holder, common)
        violating = list(dict.fromkeys([*violating, *others]))
    if rule is not None and not own and not common and not unplanned:
        return Enforced(event, None, own, rule)
    is_unplanned = rule is None and not control.allows_unplanned_events
    reason = _reason(control, is_unplanned=is_unplanned, own=own, common=common)
    found = [*own, *common]
    if not found and not unplanned:
        return Enforced(event, reason, found, rule)
    told = {
        "omitted": [".".join(way) for way in unplanned],
        "omitted_on_violation": violating,
        "violations": [violation.record() for violation in found],
    }
    return Enforced(
        _with_protocols(left, source_id, {name: value for name, value in told.items() if value}),
        reason,
        found,
        rule,
        len(own),
    )


def control_of(controls: SchemaControlsSnapshot, event_type: str) -> ControlSnapshot:
    """What the settings say of events of a type."""
    if event_type == _IDENTIFY:
        return controls.identify
    if event_type == _GROUP:
        return controls.group
    if event_type == _ALIAS:
        return msgspec.structs.replace(_OPEN, common=controls.track.common)
    return controls.track


def _reason(
    control: ControlSnapshot, *, is_unplanned: bool, own: list[Violation], common: list[Violation]
) -> SourceReason | None:
    if is_unplanned:
        return SourceReason.UNPLANNED_AND_SCHEMA_VIOLATION if common else SourceReason.UNPLANNED
    if own and not control.allows_events_on_violations:
        return SourceReason.SCHEMA_VIOLATION
    return SourceReason.COMMON_SCHEMA_VIOLATION if common and control.common == "BLOCK" else None


def _without_unplanned(
    event: JsonObject, rule: Rule | None, holder: str, control: ControlSnapshot
) -> tuple[JsonObject, list[tuple[str, ...]]]:
    members = event.get(holder)
    if control.allows_unplanned_members or not isinstance(members, dict):
        return event, []
    if rule is not None:
        ways = rule.unplanned(holder, members)
    else:
        # Of an event that nobody planned the properties are not judged one by one; of a person each trait is.
        ways = [(name,) for name in members] if holder == "traits" else []
    return ({**event, holder: _pruned(members, _tree(ways))}, ways) if ways else (event, [])


def _tree(ways: Iterable[tuple[str, ...]]) -> JsonObject:
    tree: JsonObject = {}
    for *way, last in ways:
        node = tree
        for name in way:
            node = node.setdefault(name, {})
        node[last] = None
    return tree


def _pruned(value: Any, tree: JsonObject) -> Any:
    """`value` without what `tree` names, in one pass whatever the number of names."""
    if isinstance(value, list):
        below = tree.get(_EACH_ITEM) or {}
        return [_pruned(item, below) if isinstance(item, dict) else item for item in value]
    return {
        name: _pruned(inner, tree[name]) if name in tree else inner
        for name, inner in value.items()
        if name not in tree or tree[name] is not None
    }


def _without_members(event: JsonObject, holder: str, violations: list[Violation]) -> tuple[JsonObject, list[str]]:
    members = event.get(holder)
    if not isinstance(members, dict):
        return event, []
    named = {violation.member for violation in violations}
    left_out = [name for name in members if name in named]
    kept = {name: value for name, value in members.items() if name not in named}
    return ({**event, holder: kept}, left_out) if left_out else (event, [])


def _with_protocols(event: JsonObject, source_id: str, found: JsonObject) -> JsonObject:
    """With what was found in `context.protocols`."""
    context = event.get("context")
    context = context if isinstance(context, dict) else {}
    sent = context.get("protocols")
    kept = {name: value for name, value in sent.items() if name not in _OURS} if isinstance(sent, dict) else {}
    return {**event, "context": {**context, "protocols": {**kept, "sourceId": source_id, **found}}}
