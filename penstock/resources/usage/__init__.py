"""Usage: what each source has used on each day, as the data plane reports it; two tags read it."""

from penstock.api.retention import Kept
from penstock.resources.usage.cumulative import of_sources, of_workspace
from penstock.resources.usage.period import Period, UsageQuery, period_of, seconds_of, text_of
from penstock.resources.usage.repository import UsageOfDay, add_usage, select_usage
from penstock.resources.usage.table import source_usage

USES = ()
OPERATIONS = ()
KEPT = (Kept(source_usage.c.day, days=400, unit_ms=86_400_000),)
__all__ = [
    "KEPT",
    "OPERATIONS",
    "USES",
    "Period",
    "UsageOfDay",
    "UsageQuery",
    "add_usage",
    "of_sources",
    "of_workspace",
    "period_of",
    "seconds_of",
    "select_usage",
    "text_of",
]
