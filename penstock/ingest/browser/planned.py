"""The member `plan` of the settings: which tracked events browsers are told to keep from what runs on the page.

Invariants:
- Browsers are told nothing of a plan unless its source blocks unplanned events: they need no names then.
- Of a source without a plan they are told which events its schema filters block.
- A plan is told whole or not at all. An event that was left out of the list would count as unplanned in browsers.
"""

from typing import Any

import msgspec

from penstock.ingest.browser.documents import Body
from penstock.spec.event import EventType
from penstock.spec.snapshot import PlanSnapshot, SchemaFiltersSnapshot, SourceSnapshot

_MOST_EVENTS = 2_000
_MOST_BYTES = 256 * 1024
_KEPT = 1_024


class PlanMember(msgspec.Struct, frozen=True, eq=False):
    """The end of a settings document, packed once. Equal to nothing but itself, so that it costs nothing as a key."""

    body: Body


def _member(track: dict[str, Any]) -> PlanMember:
    plan = {"track": track, "identify": {"__default": {"enabled": True}}, "group": {"__default": {"enabled": True}}}
    return PlanMember(Body.of(b'"plan":' + msgspec.json.encode(plan) + b"}"))


def _entry(*, enabled: bool) -> dict[str, Any]:
    """Every one needs `integrations`: device-mode code looks into it without a check."""
    return {"enabled": enabled, "integrations": {}}


OPEN = _member({"__default": _entry(enabled=True)})
"""Where nothing is blocked for its name alone. The pipeline judges all the same."""


class PlanMembers:
    """Made when a browser first asks after a plan was published, and remembered until it is published again."""

    def __init__(self) -> None:
        self._made: dict[str, tuple[PlanSnapshot | SchemaFiltersSnapshot, PlanMember]] = {}

    def of(self, source: SourceSnapshot, plans: dict[str, PlanSnapshot]) -> PlanMember:
        """A plan that is not there (yet) blocks nothing."""
        if not source.plan_id:
            return self._of_filters(source)
        if source.controls.track.allows_unplanned_events:
            return OPEN
        plan = plans.get(source.plan_id)
        return OPEN if plan is None else self._of(plan)

    def _of_filters(self, source: SourceSnapshot) -> PlanMember:
        if not source.filters.blocked:
            return OPEN
        return self._known(source.id, source.filters) or self._keep(source.id, source.filters, _filtered(source))

    def _of(self, plan: PlanSnapshot) -> PlanMember:
        return self._known(plan.id, plan) or self._keep(plan.id, plan, _told(plan))

    def _known(self, key: str, made_of: PlanSnapshot | SchemaFiltersSnapshot) -> PlanMember | None:
        known = self._made.get(key)
        return known[1] if known is not None and known[0] is made_of else None

    def _keep(self, key: str, made_of: PlanSnapshot | SchemaFiltersSnapshot, member: PlanMember) -> PlanMember:
        if len(self._made) >= _KEPT:
            self._made.clear()
        self._made[key] = (made_of, member)
        return member


def _told(plan: PlanSnapshot) -> PlanMember:
    names = {rule.key for rule in plan.rules if rule.type == "TRACK"}
    if len(names) > _MOST_EVENTS:
        return OPEN
    track = {name: _entry(enabled=True) for name in sorted(names)}
    made = _member(track | {"__default": _entry(enabled=False)})
    return made if len(made.body.content) <= _MOST_BYTES else OPEN


def _filtered(source: SourceSnapshot) -> PlanMember:
    names = {name for event_type, name in source.filters.blocked if event_type == EventType.TRACK}
    track = {name: _entry(enabled=False) for name in sorted(names)}
    made = _member(track | {"__default": _entry(enabled=True)})
    return made if len(made.body.content) <= _MOST_BYTES else OPEN
