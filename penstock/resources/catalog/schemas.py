"""What the API tells of what can be connected. The seed's schemas are the official ones and what it adds."""

from typing import Any

from pydantic import Field

from penstock.api.schema import Answer, JsonObject, Pagination

PLAIN_LOGO = (
    "data:image/svg+xml,%3Csvg%20xmlns='http://www.w3.org/2000/svg'%20viewBox='0%200%2016%2016'%3E"
    "%3Cellipse%20cx='8'%20cy='3'%20rx='6'%20ry='2'/%3E%3Cpath%20d='M2%205v8c0%203%2012%203%2012%200V5'/%3E%3C/svg%3E"
)
"""For an entry without a logo: the contract requires one, and the seed that it is a URI."""


class Logos(Answer):
    default: str
    mark: str | None = None
    alt: str | None = None


class Option(Answer):
    """One setting of a source, destination or warehouse."""

    name: str
    type: str
    required: bool
    description: str = ""
    default_value: Any = None
    label: str = ""


class SourceMetadata(Answer):
    id: str
    name: str
    slug: str
    description: str
    logos: Logos
    options: list[Option]
    categories: list[str]
    is_cloud_event_source: bool
    status: str
    partner_owned: bool = False


class WarehouseMetadata(Answer):
    id: str
    name: str
    slug: str
    description: str
    logos: Logos
    options: list[Option]


class Methods(Answer):
    pageview: bool
    identify: bool
    alias: bool
    track: bool
    group: bool


class SeedMethods(Methods):
    page: bool
    screen: bool


class Platforms(Answer):
    browser: bool = False
    server: bool = False
    mobile: bool = False
    warehouse: bool = False
    cloud_app_object: bool = False
    linked_audiences: bool = False


class Features(Answer):
    cloud_mode_instances: str
    device_mode_instances: str
    replay: bool
    browser_unbundling: bool
    browser_unbundling_public: bool


class Component(Answer):
    type: str
    code: str
    owner: str = ""


class ActionField(Answer):
    id: str
    sort_order: int
    field_key: str
    label: str
    type: str
    description: str
    placeholder: str = ""
    default_value: Any = None
    required: bool
    multiple: bool
    choices: Any = None
    dynamic: bool
    allow_null: bool
    hidden: bool = False


class Action(Answer):
    id: str
    slug: str
    name: str
    description: str
    platform: str
    hidden: bool
    default_trigger: str | None
    fields: list[ActionField]


class Preset(Answer):
    action_id: str
    name: str
    fields: JsonObject
    trigger: str


class DestinationMetadata(Answer):
    id: str
    name: str
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
    partner_owned: bool = False
    supported_regions: list[str] = Field(default=[])
    region_endpoints: list[str] = Field(default=[])


class SeedDestinationMetadata(DestinationMetadata):
    supported_methods: SeedMethods


class SourcesCatalogAnswer(Answer):
    sources_catalog: list[SourceMetadata]
    pagination: Pagination


class SourceMetadataAnswer(Answer):
    source_metadata: SourceMetadata


class SeedSourceMetadataAnswer(SourceMetadataAnswer):
    source_catalog: SourceMetadata = Field(validation_alias="source_metadata")


class DestinationsCatalogAnswer(Answer):
    destinations_catalog: list[DestinationMetadata]
    pagination: Pagination


class SeedDestinationsCatalogAnswer(Answer):
    destinations_catalog: list[SeedDestinationMetadata]
    pagination: Pagination


class DestinationMetadataAnswer(Answer):
    destination_metadata: DestinationMetadata


class SeedDestinationMetadataAnswer(Answer):
    destination_metadata: SeedDestinationMetadata
    destination_catalog: SeedDestinationMetadata = Field(validation_alias="destination_metadata")


class WarehousesCatalogAnswer(Answer):
    warehouses_catalog: list[WarehouseMetadata]
    pagination: Pagination


class WarehouseMetadataAnswer(Answer):
    warehouse_metadata: WarehouseMetadata
