"""Events: how many a workspace has received, by source, type and name, over time."""

from penstock.resources.events.operations import get_events_volume_from_workspace

USES = ("delivery_overview", "sources")
OPERATIONS = (get_events_volume_from_workspace,)
__all__ = ["OPERATIONS", "USES"]
