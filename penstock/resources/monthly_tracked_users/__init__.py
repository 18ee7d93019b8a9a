"""Monthly Tracked Users: how many different people a workspace and its sources have seen, by day of a month."""

from penstock.resources.monthly_tracked_users.operations import (
    get_daily_per_source_mtu_usage,
    get_daily_workspace_mtu_usage,
)

USES = ("usage",)
OPERATIONS = (get_daily_workspace_mtu_usage, get_daily_per_source_mtu_usage)
__all__ = ["OPERATIONS", "USES"]
