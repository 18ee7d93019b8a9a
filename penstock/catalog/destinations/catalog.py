"""Reads the catalog once."""

import zlib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from types import MappingProxyType

import msgspec

from penstock.catalog.destinations.metadata import DestinationMetadata
from penstock.catalog.destinations.unpublished import load_unpublished

DATA = Path(__file__).parent / "destinations.json.z"

SUPPORTED_TYPES = ("track", "identify", "page", "screen", "group", "alias")
"""An actions destination takes every type: its triggers decide, and what none wants is NO_MATCHING_MAPPING. One without
code takes none."""

EMPTY_DELETIONS = frozenset({"actions-blackbaud-raisers-edge-nxt", "actions-google-data-manager"})
"""Their code has a handler of deletions that does nothing: nobody would be told."""


def takes_deletions(metadata: DestinationMetadata) -> bool:
    """Whether the destination can be told of people who are deleted."""
    return metadata.traits.supports_delete and metadata.slug not in EMPTY_DELETIONS


@cache
def load_destination_catalog() -> Mapping[str, DestinationMetadata]:
    """All destinations by metadata id, in the order of their names: those of the package, and those without code."""
    items = msgspec.json.decode(zlib.decompress(DATA.read_bytes()), type=list[DestinationMetadata])
    known = {item.id for item in items}
    items += [item for item in load_unpublished() if item.id not in known]
    items.sort(key=lambda item: (item.name.casefold(), item.id))
    return MappingProxyType({item.id: item for item in items})
