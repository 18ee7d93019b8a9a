"""The schema of a source: what the events of a source were seen to hold. Our own, beside the contract."""

from penstock.api.retention import Kept
from penstock.resources.schema.operations import draft_plan_from_schema, get_schema_event, list_schema
from penstock.resources.schema.repository import add_seen, forget_source
from penstock.resources.schema.samples import get_schema_samples
from penstock.resources.schema.table import seen_events

USES = ("sources",)
OPERATIONS = (list_schema, get_schema_event, get_schema_samples, draft_plan_from_schema)
REACTIONS = {"source_deleted": forget_source}
KEPT = (Kept(seen_events.c.last, days=90),)
__all__ = ["KEPT", "OPERATIONS", "REACTIONS", "USES", "add_seen"]
