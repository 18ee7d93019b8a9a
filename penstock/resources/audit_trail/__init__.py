"""The audit trail: who has changed what."""

from penstock.api.audit import audit_events
from penstock.api.retention import Kept
from penstock.resources.audit_trail.operations import list_audit_events

USES = ()
OPERATIONS = (list_audit_events,)
KEPT = (Kept(audit_events.c.timestamp, days=90),)
__all__ = ["KEPT", "OPERATIONS", "USES"]
