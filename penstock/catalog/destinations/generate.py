"""Makes `destinations.json.z` from the official definitions and the committed facts (destinations.md §2 to §4, §7).

`facts.json` holds what the package does not know: display names, categories, logos, regions, status. The package wins
wherever both know something, because it is what runs.
"""

import hashlib
import sys
import zlib
from pathlib import Path
from typing import Any

import msgspec
from msgspec import UNSET

from penstock.catalog.destinations.catalog import DATA
from penstock.catalog.destinations.facts import EMPTY, Facts, features, methods, platforms
from penstock.catalog.destinations.metadata import (
    Action,
    ActionField,
    Choice,
    Component,
    DestinationMetadata,
    Logos,
    Option,
    Preset,
    Traits,
)

FACTS = Path(__file__).parent / "facts.json"
_INTERNAL = "__segment_internal_"
_NOT_PUBLIC = "PRIVATE_BETA"
"""The status of what the package holds and the public catalogue did not list."""
_BATCHING: dict[str, Any] = {
    "label": "Enable Batching",
    "description": "Send events to the destination in batches where that is possible.",
    "type": "boolean",
    "default": False,
}

Definition = dict[str, Any]


def generate(definitions: dict[str, Definition], facts: dict[str, Facts]) -> list[DestinationMetadata]:
    """The catalog, sorted by display name."""
    made = [metadata(identifier, one, facts.get(identifier, {})) for identifier, one in definitions.items()]
    return sorted(made, key=lambda item: (item.name.casefold(), item.id))


def metadata(identifier: str, definition: Definition, facts: Facts) -> DestinationMetadata:
    """One destination."""
    name = facts.get("name") or definition["name"].strip()
    known = {*facts.get("previousNames", []), definition["name"].strip()} - {name}
    fields = _published(definition["authentication"]["fields"])
    return DestinationMetadata(
        id=identifier,
        name=name,
        description=(definition.get("description") or "").strip(),
        slug=facts.get("slug") or definition.get("slug") or "",
        logos=Logos(facts.get("logo") or "", facts.get("mark")),
        options=[option(key, field) for key, field in fields.items()],
        status=facts.get("status", _NOT_PUBLIC),
        previous_names=sorted(known),
        categories=facts.get("categories", []),
        website=facts.get("website", ""),
        components=[msgspec.convert(component, Component) for component in facts.get("components", [])],
        supported_features=features(facts),
        supported_methods=methods(facts),
        supported_platforms=platforms(facts),
        actions=[action(identifier, one) for one in definition["actions"]],
        presets=presets(definition),
        partner_owned=facts.get("partnerOwned", False),
        supported_regions=facts.get("regions", ["us-west-2", "eu-west-1"]),
        region_endpoints=facts.get("endpoints", ["US"]),
        traits=_traits(definition, fields),
    )


def option(key: str, field: dict[str, Any]) -> Option:
    """One setting (§3)."""
    kind = "select" if field["type"] == "string" and field.get("choices") else field["type"]
    return Option(
        name=key,
        type=kind,
        required=field.get("required") is True,
        default_value=field.get("default", EMPTY.get(kind, "")),
        description=field.get("description") or "",
        label=field.get("label") or "",
    )


def action(identifier: str, definition: dict[str, Any]) -> Action:
    """One action with the fields that the catalogue lists (§4)."""
    listed = _published(definition["fields"])
    if definition["supportsBatch"] and "enable_batching" not in definition["fields"]:
        listed["enable_batching"] = _BATCHING
    for name, hook in definition["hooks"].items():
        listed[name] = {"label": hook.get("label"), "description": hook.get("description"), "type": "object"}
        listed.update(_published(hook.get("inputFields") or {}))
    slug = definition["slug"]
    return Action(
        id=slug,
        slug=slug,
        name=definition.get("title") or slug,
        description=definition.get("description") or "",
        platform="CLOUD",
        hidden=definition["hidden"],
        default_trigger=definition.get("defaultSubscription") or None,
        fields=[_field(identifier, slug, order, key, field) for order, (key, field) in enumerate(listed.items())],
    )


def presets(definition: Definition) -> list[Preset]:
    """The automatic ones (§7), without those of actions that run in the browser alone."""
    slugs = {one["slug"] for one in definition["actions"]}
    return [
        Preset(one["partnerAction"], one["name"], one.get("mapping") or {}, one["subscribe"])
        for one in definition["presets"]
        if one.get("type") == "automatic" and one["partnerAction"] in slugs
    ]


def _field(identifier: str, slug: str, order: int, key: str, field: dict[str, Any]) -> ActionField:
    digest = hashlib.blake2b(f"{identifier}/{slug}/{key}".encode(), digest_size=11).hexdigest()
    return ActionField(
        id=digest,
        sort_order=order,
        field_key=key,
        label=field.get("label") or "",
        type=field["type"].upper(),
        description=field.get("description") or "",
        placeholder=field.get("placeholder") or "",
        required=field.get("required") is True,
        multiple=field.get("multiple") is True,
        choices=_choices(field),
        dynamic=bool(field.get("dynamic")),
        allow_null=field.get("allowNull") is True,
        default_value=field.get("default", UNSET),
    )


def _published(fields: dict[str, Any]) -> dict[str, Any]:
    return {
        key: field
        for key, field in fields.items()
        if not key.startswith(_INTERNAL) and field.get("unsafe_hidden") is not True
    }


def _choices(field: dict[str, Any]) -> list[Choice] | None:
    choices = field.get("choices")
    if not isinstance(choices, list):
        return None
    return [
        Choice(str(one.get("label", one.get("value"))), one.get("value"))
        if isinstance(one, dict)
        else Choice(str(one), one)
        for one in choices
    ]


def _traits(definition: Definition, fields: dict[str, Any]) -> Traits:
    actions = definition["actions"]
    return Traits(
        authentication=definition["authentication"]["scheme"],
        tests_authentication=definition["authentication"]["testsAuthentication"],
        supports_delete=definition["supportsDelete"],
        batch_actions=[one["slug"] for one in actions if one["supportsBatch"]],
        secret_options=[key for key, field in fields.items() if field["type"] == "password"],
        option_choices={key: found for key, field in fields.items() if (found := _choices(field)) is not None},
        is_audience=bool(definition.get("audience")),
        sync_modes={one["slug"]: one["syncModes"] for one in actions if one["syncModes"]},
        hidden_defaults={one["slug"]: kept for one in actions if (kept := _hidden_defaults(one["fields"]))},
    )


def _hidden_defaults(fields: dict[str, Any]) -> dict[str, Any]:
    return {
        key: field["default"]
        for key, field in fields.items()
        if field.get("unsafe_hidden") is True and "default" in field
    }


def packed(catalog: list[DestinationMetadata]) -> bytes:
    """The bytes of the data file; the same catalog gives the same bytes."""
    return zlib.compress(msgspec.json.encode(catalog), 9)


def main(file: Path) -> None:
    """Write the data file from the definitions in `file`."""
    definitions = msgspec.json.decode(file.read_bytes())
    facts = msgspec.json.decode(FACTS.read_bytes())
    DATA.write_bytes(packed(generate(definitions, facts)))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
