"""Violations: how often events were not as their source's tracking plan has them, and in which ways. Our own."""

from penstock.api.retention import Kept
from penstock.resources.violations.operations import list_violating_events, list_violations
from penstock.resources.violations.repository import add_violations, forget_source
from penstock.resources.violations.table import violation_counts

USES = ()
OPERATIONS = (list_violations, list_violating_events)
REACTIONS = {"source_deleted": forget_source}
KEPT = (Kept(violation_counts.c.day, days=90, unit_ms=86_400_000),)
__all__ = ["KEPT", "OPERATIONS", "REACTIONS", "USES", "add_violations"]
