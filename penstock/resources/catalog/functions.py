"""A destination function as an entry like those of the catalog: so a destination is made of it, and told of."""

from collections.abc import Mapping

from penstock.api.connection_settings import Options
from penstock.catalog.destinations import SUPPORTED_TYPES
from penstock.resources.catalog.destinations import DestinationEntry
from penstock.resources.catalog.schemas import (
    PLAIN_LOGO,
    Features,
    Logos,
    Option,
    Platforms,
    SeedDestinationMetadata,
    SeedMethods,
)
from penstock.spec.names import snakecase

FUNCTION_ACTION = "function"
"""What stands for the code where others name one of their actions."""


def function_entry(
    *,
    metadata_id: str,
    function_id: str,
    name: str,
    description: str,
    logo: str,
    options: Options,
    labels: Mapping[str, str],
    takes_batches: bool,
) -> DestinationEntry:
    """`name` is what the `integrations` object knows it by."""
    told = [
        Option(name=key, type=kind, required=key in options.required, label=labels.get(key, ""))
        for key, kind in options.types.items()
    ]
    return DestinationEntry(
        id=metadata_id,
        name=name,
        options=options,
        actions=frozenset(),
        presets=(),
        hidden_defaults={},
        batch_actions=frozenset({FUNCTION_ACTION} if takes_batches else ()),
        integration_names=(name,),
        supported_types=SUPPORTED_TYPES,
        metadata=_metadata(metadata_id, name, description, logo, told),
        function_id=function_id,
    )


def _metadata(
    metadata_id: str, name: str, description: str, logo: str, options: list[Option]
) -> SeedDestinationMetadata:
    every = dict.fromkeys(("pageview", "identify", "alias", "track", "group", "page", "screen"), True)
    return SeedDestinationMetadata(
        id=metadata_id,
        name=name,
        description=description,
        slug=snakecase(name).replace("_", "-"),
        logos=Logos(default=logo or PLAIN_LOGO),
        options=options,
        status="PUBLIC",
        previous_names=[],
        categories=[],
        website="",
        components=[],
        supported_features=Features(
            cloud_mode_instances="MULTIPLE",
            device_mode_instances="NONE",
            replay=False,
            browser_unbundling=False,
            browser_unbundling_public=False,
        ),
        supported_methods=SeedMethods(**every),
        supported_platforms=Platforms(browser=True, server=True, mobile=True),
        actions=[],
        presets=[],
    )
