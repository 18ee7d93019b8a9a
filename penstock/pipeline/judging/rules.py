"""What the sources of a frame have their events judged by, compiled once per version of the configuration."""

from collections.abc import Callable
from typing import Any

import msgspec
import structlog

from penstock.infra.snapshots import Snapshots
from penstock.pipeline.judging.opening import Part, part_of
from penstock.pipeline.judging.schema_filters import SchemaFilters
from penstock.spec.deletions import Deleted, Deletions
from penstock.spec.edits.transformations import Open, Transformations, no_key
from penstock.spec.plans import Plan
from penstock.spec.snapshot import PlanSnapshot, SchemaFiltersSnapshot, SourceSnapshot
from penstock.spec.suppressed import Suppressed, Suppressions

logger = structlog.get_logger(__name__)
_NO_FILTERS = SchemaFiltersSnapshot()
_ALWAYS = frozenset({"type", "event", "name", "properties", "traits"})
"""What rules of plans are mostly about, and what finds them."""


class SourceRules(msgspec.Struct, frozen=True):
    """Of one source. There is none for a source that has nothing to judge by."""

    source: SourceSnapshot
    plan: Plan | None
    transformations: Transformations | None
    """None where none of its own can act."""
    filters: SchemaFilters | None = None
    """None where nothing is filtered by name."""
    looks_at: Part | None = None
    """What of an event is opened for them; None: all of it. The plan may want more for a single rule."""
    names: frozenset[str] = frozenset()
    """The names of that."""
    clearances: dict[tuple[str, str | None], Callable[[dict[str, Any]], bool]] = {}
    """What tells that the plan has nothing to say of an event, by its type and name: as far as they were met."""


class _Known(msgspec.Struct, frozen=True):
    source: SourceSnapshot
    plan: PlanSnapshot | None
    rules: SourceRules | None


class Rulebook:
    """The rules of all sources, each kept until its snapshot or its plan's is another."""

    def __init__(self, open_key: Open = no_key) -> None:
        self._open_key = open_key
        self._known: dict[str, _Known] = {}
        self._plans: dict[str, tuple[PlanSnapshot, Plan]] = {}
        self._suppressions = Suppressions(open_key)
        self._deletions = Deletions(open_key)
        self._ended = Deletions(open_key, of_suppressions=True)

    def rules_of(self, source: SourceSnapshot, snapshots: Snapshots) -> SourceRules | None:
        """None where its events pass as they are."""
        if not source.plan_id and not source.transformations and source.filters == _NO_FILTERS:
            return None
        plan = snapshots.plans.get(source.plan_id)
        known = self._known.get(source.id)
        if known is None or known.source is not source or known.plan is not plan:
            known = self._known[source.id] = _Known(source, plan, self._compiled(source, plan))
        return known.rules

    def suppressed_in(self, source: SourceSnapshot, snapshots: Snapshots) -> Suppressed | None:
        """None where nobody is suppressed."""
        return self._suppressions.of(source.id, snapshots.suppressions_of(source.workspace_id))

    def deleted_since(self, received_at: int, source: SourceSnapshot, snapshots: Snapshots) -> Deleted | None:
        """None where nobody was deleted since then."""
        return self._since(self._deletions, received_at, source, snapshots)

    def unsuppressed_since(self, received_at: int, source: SourceSnapshot, snapshots: Snapshots) -> Deleted | None:
        """None where nobody's suppression has ended since then."""
        return self._since(self._ended, received_at, source, snapshots)

    def _since(
        self, among: Deletions, received_at: int, source: SourceSnapshot, snapshots: Snapshots
    ) -> Deleted | None:
        found = among.among(snapshots.deletions_of(source.workspace_id))
        return None if found is None or found.newest < received_at else found

    def _compiled(self, source: SourceSnapshot, plan: PlanSnapshot | None) -> SourceRules:
        transformations = Transformations(source.transformations, self._open_key)
        for identifier, reason in transformations.broken.items():
            logger.error(
                "A transformation cannot be compiled; it changes nothing.",
                source=source.id,
                transformation=identifier,
                reason=reason,
            )
        # While a source has a plan, its filters do not act.
        filters = None if source.plan_id else SchemaFilters(source.filters)
        compiled = None if plan is None else self._plan(plan)
        names = _ALWAYS | transformations.names | ({"context"} if compiled and compiled.has_versions else set())
        return SourceRules(source, compiled, transformations or None, filters or None, part_of(names), names)

    def _plan(self, snapshot: PlanSnapshot) -> Plan:
        """One for all sources that have it."""
        known = self._plans.get(snapshot.id)
        if known is None or known[0] is not snapshot:
            known = self._plans[snapshot.id] = (snapshot, Plan(snapshot))
        return known[1]
