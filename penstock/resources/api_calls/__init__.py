"""API Calls: how many events a workspace and its sources have sent, by day of a month."""

from penstock.resources.api_calls.operations import (
    get_daily_per_source_api_calls_usage,
    get_daily_workspace_api_calls_usage,
)

USES = ("usage",)
OPERATIONS = (get_daily_workspace_api_calls_usage, get_daily_per_source_api_calls_usage)
__all__ = ["OPERATIONS", "USES"]
