"""Destination filters: what a destination must not get of its source's events."""

from penstock.resources.destination_filters.admission import warn_of_condition
from penstock.resources.destination_filters.operations import (
    create_filter_for_destination,
    get_filter_in_destination,
    list_filters_from_destination,
    preview_destination_filter,
    remove_filter_from_destination,
    update_filter_for_destination,
)
from penstock.resources.destination_filters.schemas import PreviewedFilter
from penstock.resources.destination_filters.service import remove_filters_of, snapshot_of_previewed
from penstock.resources.destination_filters.snapshot import select_all_filter_snapshots, select_filter_snapshots

USES = ("destinations",)
OPERATIONS = (
    preview_destination_filter,
    create_filter_for_destination,
    list_filters_from_destination,
    get_filter_in_destination,
    update_filter_for_destination,
    remove_filter_from_destination,
)
REACTIONS = {"destination_deleted": remove_filters_of}
CONTRIBUTIONS = {"destination_filters": select_filter_snapshots}
__all__ = [
    "CONTRIBUTIONS",
    "OPERATIONS",
    "REACTIONS",
    "USES",
    "PreviewedFilter",
    "select_all_filter_snapshots",
    "snapshot_of_previewed",
    "warn_of_condition",
]
