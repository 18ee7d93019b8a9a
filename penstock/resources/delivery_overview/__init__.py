"""Delivery Overview: how events ended, counted from what the data plane reports."""

from penstock.resources.delivery_overview.fold import Fold
from penstock.resources.delivery_overview.jobs import forget_old_counts
from penstock.resources.delivery_overview.repository import DIMENSIONS, select_totals, select_watermarks

USES: tuple[str, ...] = ()
OPERATIONS = ()
__all__ = ["DIMENSIONS", "OPERATIONS", "USES", "Fold", "forget_old_counts", "select_totals", "select_watermarks"]
