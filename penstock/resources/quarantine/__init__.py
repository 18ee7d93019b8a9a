"""Quarantine: events that were blocked or could not be delivered, for 14 days. Beside the contract."""

from penstock.resources.quarantine.operations import (
    drop_quarantine,
    get_quarantined_event,
    list_quarantine,
    replay_quarantine,
)

USES = ()
OPERATIONS = (list_quarantine, get_quarantined_event, replay_quarantine, drop_quarantine)
__all__ = ["OPERATIONS", "USES"]
