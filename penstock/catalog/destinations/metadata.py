"""The shape of one destination of the catalog: the official metadata, and what delivery and console need besides.

`to_api` leaves out what is ours, so that the answer has what the contract declares and nothing else.
"""

from typing import Any

import msgspec
from msgspec import UNSET, UnsetType


class Logos(msgspec.Struct, frozen=True, omit_defaults=True):
    default: str
    mark: str | None = None


class Choice(msgspec.Struct, frozen=True):
    label: str
    value: Any


class Option(msgspec.Struct, frozen=True, rename="camel"):
    """One setting."""

    name: str
    type: str
    required: bool
    default_value: Any
    description: str
    label: str


class Component(msgspec.Struct, frozen=True):
    type: str
    code: str
    owner: str | UnsetType = UNSET


class Features(msgspec.Struct, frozen=True, rename="camel"):
    cloud_mode_instances: str
    device_mode_instances: str
    replay: bool
    browser_unbundling: bool
    browser_unbundling_public: bool


class Methods(msgspec.Struct, frozen=True):
    pageview: bool
    identify: bool
    alias: bool
    track: bool
    group: bool


class Platforms(msgspec.Struct, frozen=True, rename="camel"):
    browser: bool
    server: bool
    mobile: bool
    warehouse: bool
    cloud_app_object: bool
    linked_audiences: bool


class ActionField(msgspec.Struct, frozen=True, rename="camel"):
    """One field of an action; the key `defaultValue` is absent where the definition has no default."""

    id: str
    sort_order: int
    field_key: str
    label: str
    type: str
    description: str
    placeholder: str
    required: bool
    multiple: bool
    choices: list[Choice] | None
    dynamic: bool
    allow_null: bool
    default_value: Any = UNSET


class Action(msgspec.Struct, frozen=True, rename="camel"):
    """`id` is the key of the action in the package, and so is `slug`."""

    id: str
    slug: str
    name: str
    description: str
    platform: str
    hidden: bool
    default_trigger: str | None
    fields: list[ActionField]


class Preset(msgspec.Struct, frozen=True, rename="camel"):
    action_id: str
    name: str
    fields: dict[str, Any]
    trigger: str


class Traits(msgspec.Struct, frozen=True, rename="camel"):
    """What the contract does not tell of a destination, but delivery and console want to know."""

    authentication: str
    """`custom`, `basic`, `oauth2`, `oauth-managed` or `none`."""
    tests_authentication: bool
    supports_delete: bool
    batch_actions: list[str]
    """Actions that take batches."""
    secret_options: list[str]
    """Settings that are passwords."""
    option_choices: dict[str, list[Choice]]
    """What a select may be set to."""
    is_audience: bool
    sync_modes: dict[str, list[str]]
    hidden_defaults: dict[str, dict[str, Any]]
    """By action: fields that are not listed, yet belong into every mapping (some are required)."""
    is_deliverable: bool = True
    """Whether there is code that runs; where not, it takes no event."""


class DestinationMetadata(msgspec.Struct, frozen=True, rename="camel"):
    """One destination that can be connected."""

    id: str
    name: str
    """The display name: the key of the `integrations` object."""
    description: str
    slug: str
    logos: Logos
    options: list[Option]
    status: str
    previous_names: list[str]
    categories: list[str]
    website: str
    components: list[Component]
    supported_features: Features
    supported_methods: Methods
    supported_platforms: Platforms
    actions: list[Action]
    presets: list[Preset]
    partner_owned: bool
    supported_regions: list[str]
    region_endpoints: list[str]
    traits: Traits

    @property
    def integration_names(self) -> list[str]:
        """All keys of the `integrations` object that mean this destination."""
        return list(dict.fromkeys([self.name, *self.previous_names]))

    def action(self, identifier: str) -> Action | None:
        """The action of this id."""
        return next((action for action in self.actions if action.id == identifier), None)

    def option(self, name: str) -> Option | None:
        """The setting of this name."""
        return next((option for option in self.options if option.name == name), None)

    def to_api(self) -> dict[str, Any]:
        """`DestinationMetadataV1` of the contract, as plain data."""
        plain: dict[str, Any] = msgspec.to_builtins(self)
        del plain["traits"]
        return plain
