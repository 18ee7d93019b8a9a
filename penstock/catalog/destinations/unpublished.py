"""Destinations of the public catalogue whose server-side code is not published: the classic ones, and those that run in
the browser alone.

They can be made, so that what manages a workspace finds them, and nothing is delivered to them: they take no type of
event, and their description says so.
"""

from pathlib import Path

import msgspec

from penstock.catalog.destinations.facts import EMPTY, Facts, features, methods, platforms
from penstock.catalog.destinations.metadata import Choice, Component, DestinationMetadata, Logos, Option, Traits

DATA = Path(__file__).parent / "unpublished.json"
NOT_DELIVERED = "Not delivered to by Penstock: the code of this destination is not published."


def load_unpublished() -> list[DestinationMetadata]:
    return [_metadata(facts) for facts in msgspec.json.decode(DATA.read_bytes(), type=list[Facts])]


def _metadata(facts: Facts) -> DestinationMetadata:
    components = [msgspec.convert(component, Component) for component in facts["components"]]
    runs_on_devices = any(component.type == "BROWSER" for component in components)
    return DestinationMetadata(
        id=facts["id"],
        name=facts["name"],
        description=f"{facts['name']}. {NOT_DELIVERED}",
        slug=facts["slug"],
        logos=Logos(facts["logo"], facts["mark"]),
        options=[_option(setting) for setting in facts["settings"]],
        status=facts["status"],
        previous_names=facts["previousNames"],
        categories=facts["categories"],
        website=facts["website"],
        components=components,
        supported_features=features(facts, "SINGLE" if runs_on_devices else "0"),
        supported_methods=methods(facts),
        supported_platforms=platforms(facts),
        actions=[],
        presets=[],
        partner_owned=facts["partnerOwned"],
        supported_regions=facts["regions"],
        region_endpoints=facts["endpoints"],
        traits=_traits(facts),
    )


def _option(setting: Facts) -> Option:
    kind = setting["type"]
    return Option(
        name=setting["name"],
        type=kind,
        required=setting["required"],
        default_value=setting.get("default", EMPTY.get(kind, "")),
        description="",
        label=setting.get("label", ""),
    )


def _traits(facts: Facts) -> Traits:
    settings = facts["settings"]
    return Traits(
        authentication="none",
        tests_authentication=False,
        supports_delete=False,
        batch_actions=[],
        secret_options=[setting["name"] for setting in settings if setting["type"] == "password"],
        option_choices={
            setting["name"]: [Choice(str(value), value) for value in setting["enum"]]
            for setting in settings
            if "enum" in setting
        },
        is_audience=False,
        sync_modes={},
        hidden_defaults={},
        is_deliverable=False,
    )
