"""Types that several tags use.

Written by `make docs`; edits here are lost.
"""

from typing import Any, Literal, NotRequired, TypedDict


class IamRolesLabel(TypedDict):
    key: str
    value: str
    description: NotRequired[str]


class Resource(TypedDict):
    id: str
    type: str
    labels: NotRequired[list[IamRolesLabel]]


class AccessPermission(TypedDict):
    """In the answers to changes."""

    roleId: str
    roleName: str
    resources: list[Resource]


class AccessPermissionsAnswer(TypedDict):
    permissions: list[AccessPermission]


class ActionField(TypedDict):
    id: str
    sortOrder: int
    fieldKey: str
    label: str
    type: str
    description: str
    placeholder: NotRequired[str]
    defaultValue: NotRequired[Any]
    required: bool
    multiple: bool
    choices: NotRequired[Any]
    dynamic: bool
    allowNull: bool
    hidden: NotRequired[bool]


class ActionInput(TypedDict):
    """What is sent can be read back unchanged. Which fields belong together, `admission` tells."""

    type: str
    fields: NotRequired[dict[str, list[str]]]
    percent: NotRequired[Any]
    path: NotRequired[str]


class ActionOutput(TypedDict):
    id: str
    slug: str
    name: str
    description: str
    platform: str
    hidden: bool
    defaultTrigger: str | None
    fields: list[ActionField]


class Component(TypedDict):
    type: str
    code: str
    owner: NotRequired[str]


class Deleted(TypedDict):
    """The answer to a delete: `SUCCESS`, spelled like this for ever."""

    status: NotRequired[str]


class EventFilter(TypedDict):
    """Pages and screens may have no name."""

    type: Literal["track", "page", "screen"]
    name: str


class Features(TypedDict):
    cloudModeInstances: str
    deviceModeInstances: str
    replay: bool
    browserUnbundling: bool
    browserUnbundlingPublic: bool


class FqlProperty(TypedDict):
    fql: str
    propertyName: str


Granularity = Literal["DAY", "HOUR", "MINUTE"]


class Hash(TypedDict):
    algorithm: str
    key: NotRequired[str]
    encoding: NotRequired[str]
    paths: list[str]


class IamRolesLabelInput(TypedDict):
    key: str
    value: str
    description: NotRequired[str]


class Logos(TypedDict):
    default: str
    mark: NotRequired[str | None]
    alt: NotRequired[str | None]


class MinimalUser(TypedDict):
    id: str
    name: str
    email: str


class Option(TypedDict):
    """One setting of a source, destination or warehouse."""

    name: str
    type: str
    required: bool
    description: NotRequired[str]
    defaultValue: NotRequired[Any]
    label: NotRequired[str]


class Pagination(TypedDict):
    current: str
    next: NotRequired[str | None]
    previous: NotRequired[str | None]
    totalEntries: NotRequired[int]


class Permission(TypedDict):
    """As a person or a group shows it."""

    roleId: str
    roleName: str
    resources: list[Resource]


ResourceType = Literal["WORKSPACE", "SOURCE", "WAREHOUSE", "FUNCTION", "SPACE"]


class ResourceInput(TypedDict):
    """Labels narrow the workspace to what has all of them."""

    id: str
    type: ResourceType
    labels: NotRequired[list[IamRolesLabelInput]]


class PermissionInput(TypedDict):
    roleId: str
    resources: list[ResourceInput]


class PermissionsInput(TypedDict):
    permissions: list[PermissionInput]


class Platforms(TypedDict):
    browser: NotRequired[bool]
    server: NotRequired[bool]
    mobile: NotRequired[bool]
    warehouse: NotRequired[bool]
    cloudAppObject: NotRequired[bool]
    linkedAudiences: NotRequired[bool]


class Preset(TypedDict):
    actionId: str
    name: str
    fields: dict[str, Any]
    trigger: str


PreviewedFilter = TypedDict(
    "PreviewedFilter",
    {
        "if": str,
        "actions": list[ActionInput],
    },
)


class PropertyFilter(TypedDict):
    type: Literal["track", "page", "screen"]
    name: str
    property: str


class PropertyRename(TypedDict):
    oldName: str
    newName: str


class PropertyValue(TypedDict):
    propertyPaths: list[str]
    propertyValue: str


class RuleInput(TypedDict):
    type: Literal["COMMON", "GROUP", "IDENTIFY", "PAGE", "SCREEN", "TRACK"]
    key: NotRequired[str]
    jsonSchema: dict[str, Any]
    version: float


class SeedMethods(TypedDict):
    pageview: bool
    identify: bool
    alias: bool
    track: bool
    group: bool
    page: bool
    screen: bool


class SeedDestinationMetadata(TypedDict):
    id: str
    name: str
    description: str
    slug: str
    logos: Logos
    options: list[Option]
    status: str
    previousNames: list[str]
    categories: list[str]
    website: str
    components: list[Component]
    supportedFeatures: Features
    supportedMethods: SeedMethods
    supportedPlatforms: Platforms
    actions: list[ActionOutput]
    presets: list[Preset]
    partnerOwned: NotRequired[bool]
    supportedRegions: NotRequired[list[str]]
    regionEndpoints: NotRequired[list[str]]


class SourceMetadata(TypedDict):
    id: str
    name: str
    slug: str
    description: str
    logos: Logos
    options: list[Option]
    categories: list[str]
    isCloudEventSource: bool
    status: str
    partnerOwned: NotRequired[bool]


class SourcesLabel(TypedDict):
    key: str
    value: str


class Source(TypedDict):
    id: str
    slug: str
    name: str
    metadata: SourceMetadata
    workspaceId: str
    enabled: bool
    writeKeys: list[str]
    settings: dict[str, Any]
    labels: list[SourcesLabel]


class SourcesAnswer(TypedDict):
    sources: list[Source]
    pagination: Pagination


class TrackInput(TypedDict):
    allowUnplannedEvents: NotRequired[bool]
    allowUnplannedEventProperties: NotRequired[bool]
    allowEventOnViolations: NotRequired[bool]
    allowPropertiesOnViolations: NotRequired[bool]
    commonEventOnViolations: NotRequired[Literal["ALLOW", "BLOCK", "OMIT_PROPERTIES"]]


class TraitFilter(TypedDict):
    type: Literal["identify", "group"]
    trait: str


class TraitsInput(TypedDict):
    allowUnplannedTraits: NotRequired[bool]
    allowTraitsOnViolations: NotRequired[bool]
    commonEventOnViolations: NotRequired[Literal["ALLOW", "BLOCK", "OMIT_TRAITS"]]


class UpdateSchemaFilters(TypedDict):
    blockedEvents: NotRequired[list[EventFilter]]
    omittedProperties: NotRequired[list[PropertyFilter]]
    omittedTraits: NotRequired[list[TraitFilter]]


class UpdateSchemaSettings(TypedDict):
    track: NotRequired[TrackInput]
    identify: NotRequired[TraitsInput]
    group: NotRequired[TraitsInput]
    forwardingViolationsTo: NotRequired[str | None]
    forwardingBlockedEventsTo: NotRequired[str | None]


class WarehouseMetadata(TypedDict):
    id: str
    name: str
    slug: str
    description: str
    logos: Logos
    options: list[Option]
