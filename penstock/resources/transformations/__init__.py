"""Transformations: what becomes of a source's events on their way, by a condition."""

from penstock.resources.transformations.admission import warn_of
from penstock.resources.transformations.operations import (
    create_transformation,
    delete_transformation,
    get_transformation,
    list_transformations,
    update_transformation,
)
from penstock.resources.transformations.repository import is_transformation_within, remove_transformations_of
from penstock.resources.transformations.schemas import AskedTransformation
from penstock.resources.transformations.snapshot import (
    select_all,
    select_for_destination,
    select_for_source,
    snapshot_of_asked,
)

USES = ("catalog", "sources", "destinations")
OPERATIONS = (
    list_transformations,
    create_transformation,
    get_transformation,
    update_transformation,
    delete_transformation,
)
REACTIONS = {"source_deleted": remove_transformations_of}
CONTRIBUTIONS = {
    "source_transformations": select_for_source,
    "destination_transformations": select_for_destination,
}
SCOPES = {"transformation": is_transformation_within}
__all__ = [
    "CONTRIBUTIONS",
    "OPERATIONS",
    "REACTIONS",
    "SCOPES",
    "USES",
    "AskedTransformation",
    "select_all",
    "snapshot_of_asked",
    "warn_of",
]
