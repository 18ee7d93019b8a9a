"""Reads the generated catalog once."""

import zlib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from types import MappingProxyType

import msgspec

from penstock.catalog.destinations.metadata import DestinationMetadata

DATA = Path(__file__).parent / "destinations.json.z"

SUPPORTED_TYPES = ("track", "identify", "page", "screen", "group", "alias")
"""An actions destination takes every type: its triggers decide, and what none wants is NO_MATCHING_MAPPING."""


@cache
def load_destination_catalog() -> Mapping[str, DestinationMetadata]:
    """All destinations by metadata id, in the order of their names."""
    items = msgspec.json.decode(zlib.decompress(DATA.read_bytes()), type=list[DestinationMetadata])
    return MappingProxyType({item.id: item for item in items})
