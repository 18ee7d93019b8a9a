"""What-if: what a change would do to the events that were accepted, before it is made. Beside the contract."""

from penstock.resources.what_if.operations import what_if

USES = ("sources", "destinations", "destination_filters", "tracking_plans", "transformations")
OPERATIONS = (what_if,)
__all__ = ["OPERATIONS", "USES"]
