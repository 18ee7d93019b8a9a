"""Destinations that can be connected: what the rules here ask of an entry, and an entry as the API tells it."""

from functools import cache

import msgspec

from penstock.api.errors import NotFound
from penstock.api.schema import JsonObject
from penstock.resources.catalog.schemas import SeedDestinationMetadata


class PresetEntry(msgspec.Struct, frozen=True):
    """A mapping to be made: of a preset, or one that is asked for."""

    action: str
    name: str
    trigger: str
    mapping: JsonObject
    enabled: bool = True


class DestinationEntry(msgspec.Struct, frozen=True):
    """What the rules of destinations ask of a catalog entry."""

    id: str
    name: str
    option_types: dict[str, str]
    actions: frozenset[str]
    presets: tuple[PresetEntry, ...]
    integration_names: tuple[str, ...]
    supported_types: tuple[str, ...]


@cache
def destination_entry(metadata_id: str) -> DestinationEntry | None:
    return None


def destination_metadata(metadata_id: str) -> SeedDestinationMetadata:
    """Raises NotFound."""
    raise NotFound(f"destination metadata {metadata_id} does not exist")


def all_destinations() -> tuple[SeedDestinationMetadata, ...]:
    return ()
