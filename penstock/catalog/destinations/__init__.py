"""The catalog of cloud destinations: pure data, generated from the official package, read when first asked for.

`python -m penstock.js.describe FILE && python -m penstock.catalog.destinations.generate FILE` makes it anew.
"""

from penstock.catalog.destinations.catalog import SUPPORTED_TYPES, load_destination_catalog, takes_deletions
from penstock.catalog.destinations.metadata import Action, ActionField, DestinationMetadata, Option, Preset

__all__ = [
    "SUPPORTED_TYPES",
    "Action",
    "ActionField",
    "DestinationMetadata",
    "Option",
    "Preset",
    "load_destination_catalog",
    "takes_deletions",
]
