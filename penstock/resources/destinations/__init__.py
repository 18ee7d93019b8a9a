"""Destinations: the configured receivers of a source's events, and their subscriptions."""

from penstock.resources.destinations.consent import get_destination_consent, update_destination_consent
from penstock.resources.destinations.delivery_metrics import list_delivery_metrics_summary_from_destination
from penstock.resources.destinations.integration_filters import (
    get_integration_filters,
    touch_filtered_destinations,
    update_integration_filters,
)
from penstock.resources.destinations.operations import (
    create_destination,
    delete_destination,
    get_destination,
    list_connected_destinations_from_source,
    list_destinations,
    update_destination,
)
from penstock.resources.destinations.repository import (
    Destination,
    is_destination_within,
    require_destination,
    select_destinations_of,
    select_destinations_with,
)
from penstock.resources.destinations.repository import get_destination as find_destination
from penstock.resources.destinations.service import current_snapshot as destination_snapshot
from penstock.resources.destinations.service import remove_destinations_of, touch, touch_destinations_with
from penstock.resources.destinations.snapshot import select_snapshots
from penstock.resources.destinations.subscriptions import (
    create_destination_subscription,
    get_subscription_from_destination,
    list_subscriptions_from_destination,
    remove_subscription_from_destination,
    update_subscription_for_destination,
)

USES = ("catalog", "delivery_overview", "sources")
OPERATIONS = (
    create_destination,
    get_destination,
    list_destinations,
    update_destination,
    delete_destination,
    list_connected_destinations_from_source,
    list_delivery_metrics_summary_from_destination,
    create_destination_subscription,
    list_subscriptions_from_destination,
    get_subscription_from_destination,
    update_subscription_for_destination,
    remove_subscription_from_destination,
    get_destination_consent,
    update_destination_consent,
    get_integration_filters,
    update_integration_filters,
)
REACTIONS = {
    "source_deleted": remove_destinations_of,
    "function_changed": touch_destinations_with,
    "plan_changed": touch_filtered_destinations,
}
SCOPES = {"destination": is_destination_within}
__all__ = [
    "OPERATIONS",
    "REACTIONS",
    "SCOPES",
    "USES",
    "Destination",
    "destination_snapshot",
    "find_destination",
    "is_destination_within",
    "require_destination",
    "select_destinations_of",
    "select_destinations_with",
    "select_snapshots",
    "touch",
]
