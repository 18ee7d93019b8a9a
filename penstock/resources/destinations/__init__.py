"""Destinations: the configured receivers of a source's events, and their subscriptions."""

from penstock.resources.destinations.operations import (
    create_destination,
    delete_destination,
    get_destination,
    list_destinations,
    update_destination,
)
from penstock.resources.destinations.service import remove_destinations_of
from penstock.resources.destinations.snapshot import select_snapshots
from penstock.resources.destinations.subscriptions import (
    create_destination_subscription,
    get_subscription_from_destination,
    list_subscriptions_from_destination,
    remove_subscription_from_destination,
    update_subscription_for_destination,
)

USES = ("catalog", "sources")
OPERATIONS = (
    create_destination,
    get_destination,
    list_destinations,
    update_destination,
    delete_destination,
    create_destination_subscription,
    list_subscriptions_from_destination,
    get_subscription_from_destination,
    update_subscription_for_destination,
    remove_subscription_from_destination,
)
REACTIONS = {"source_deleted": remove_destinations_of}
__all__ = ["OPERATIONS", "REACTIONS", "USES", "select_snapshots"]
