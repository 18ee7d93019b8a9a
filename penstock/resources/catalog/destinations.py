"""Destinations that can be connected: what the rules here ask of an entry, and an entry as the API tells it."""

from collections.abc import Mapping
from functools import cache, lru_cache
from typing import Any

import msgspec
from pydantic import TypeAdapter

from penstock.api.connection_settings import Options
from penstock.api.errors import NotFound
from penstock.api.schema import JsonObject
from penstock.catalog.destinations import (
    SUPPORTED_TYPES,
    DestinationMetadata,
    Option,
    load_destination_catalog,
    takes_deletions,
)
from penstock.resources.catalog.schemas import PLAIN_LOGO, SeedDestinationMetadata


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
    options: Options
    actions: frozenset[str]
    presets: tuple[PresetEntry, ...]
    hidden_defaults: Mapping[str, JsonObject]
    """By action: what belongs into every mapping and is told to nobody who makes one."""
    batch_actions: frozenset[str]
    integration_names: tuple[str, ...]
    supported_types: tuple[str, ...]
    metadata: SeedDestinationMetadata
    function_id: str = ""
    """The workspace's own function that it is; empty: it is an entry of the catalog."""
    takes_deletions: bool = False
    """Whether the official code can be told of people who are deleted."""


@lru_cache(maxsize=2048)
def destination_entry(metadata_id: str) -> DestinationEntry | None:
    found = load_destination_catalog().get(metadata_id)
    if found is None:
        return None
    return DestinationEntry(
        id=found.id,
        name=found.name,
        options=_options(found),
        actions=frozenset(action.id for action in found.actions),
        presets=tuple(PresetEntry(each.action_id, each.name, each.trigger, each.fields) for each in found.presets),
        hidden_defaults=found.traits.hidden_defaults,
        batch_actions=frozenset(found.traits.batch_actions),
        integration_names=tuple(found.integration_names),
        supported_types=SUPPORTED_TYPES if found.traits.is_deliverable else (),
        metadata=_view(found.id),
        takes_deletions=takes_deletions(found),
    )


def _options(entry: DestinationMetadata) -> Options:
    required = [option for option in entry.options if option.required]
    return Options(
        types={option.name: option.type for option in entry.options},
        required=tuple(option.name for option in required),
        defaults={option.name: option.default_value for option in required if _has_default(option)},
    )


def _has_default(option: Option) -> bool:
    """The catalogue writes the empty value of its type where there is none; a boolean's is as good as any."""
    return option.type == "boolean" or option.default_value not in ("", 0, None)


def destination_metadata(metadata_id: str) -> SeedDestinationMetadata:
    """Raises NotFound."""
    found = load_destination_catalog().get(metadata_id)
    if found is None:
        raise NotFound(f"destination metadata {metadata_id} does not exist")
    return _view(found.id)


@lru_cache(maxsize=2048)
def _view(metadata_id: str) -> SeedDestinationMetadata:
    found = load_destination_catalog()[metadata_id]
    plain = found.to_api()
    # The seed knows page and screen instead of `pageview`; an actions destination takes all types.
    methods: dict[str, Any] = {"page": found.supported_methods.pageview, "screen": found.traits.is_deliverable}
    if not found.logos.default:
        plain["logos"] = {"default": PLAIN_LOGO}
    return SeedDestinationMetadata.model_validate({**plain, "supportedMethods": plain["supportedMethods"] | methods})


@lru_cache(maxsize=2048)
def destination_json(metadata_id: str, schema: type[Any]) -> bytes:
    """As it stands in a page whose entries have this schema; made once, because a page holds megabytes."""
    return TypeAdapter(schema).dump_json(_view(metadata_id), exclude_unset=True)


@cache
def _in_order() -> tuple[DestinationMetadata, ...]:
    return tuple(sorted(load_destination_catalog().values(), key=lambda each: (each.name.lower(), each.id)))


def all_destinations() -> tuple[DestinationMetadata, ...]:
    """Sorted as pages are: by lower-case name, then id."""
    return _in_order()
