"""What the API takes and tells of functions, per contract: the seed can leave out more and is told less."""

from typing import Annotated, Literal

from pydantic import Field

from penstock.api.schema import Answer, Input, JsonObject, Pagination

SeedKind = Literal["DESTINATION", "INSERT_DESTINATION", "INSERT_SOURCE", "SOURCE"]
Kind = Literal["DESTINATION", "INSERT_DESTINATION", "INSERT_SOURCE", "INSERT_TRANSFORMATION", "SOURCE"]
SEED_KINDS: tuple[SeedKind, ...] = ("DESTINATION", "INSERT_DESTINATION", "INSERT_SOURCE", "SOURCE")
SettingType = Literal["ARRAY", "BOOLEAN", "STRING", "TEXT_MAP"]
Code = Annotated[str, Field(max_length=500_000)]
Name = Annotated[str, Field(min_length=1, max_length=255)]
Text = Annotated[str, Field(max_length=5_000)]
Link = Annotated[str, Field(max_length=2_000)]


class SettingInput(Input):
    name: Name
    label: Text
    description: Text
    type: SettingType
    required: bool
    sensitive: bool


class SeedSettingInput(SettingInput):
    label: Text = ""
    description: Text = ""
    type: SettingType = "STRING"
    required: bool = False
    sensitive: bool = False


Settings = Annotated[list[SettingInput], Field(max_length=100)]
SeedSettings = Annotated[list[SeedSettingInput], Field(max_length=100)]


class ListFunctions(Input):
    resource_type: Kind

    @property
    def kinds(self) -> tuple[Kind, ...]:
        return (self.resource_type,)


class ListFunctionsSeed(Input):
    resource_type: SeedKind | None = None

    @property
    def kinds(self) -> tuple[SeedKind, ...]:
        """All that the seed knows where none is asked for."""
        return SEED_KINDS if self.resource_type is None else (self.resource_type,)


class CreateFunction(Input):
    code: Code
    display_name: Name
    resource_type: Kind
    settings: Settings = Field(default=[])
    description: Text = ""
    logo_url: Link = ""


class CreateFunctionSeed(Input):
    code: Code
    display_name: Name = ""
    resource_type: SeedKind
    settings: SeedSettings = Field(default=[])
    description: Text = ""
    logo_url: Link = ""


class UpdateFunction(Input):
    code: Code = ""
    display_name: Name = ""
    settings: Settings = Field(default=[])
    description: Text = ""
    logo_url: Link = ""


class UpdateFunctionSeed(UpdateFunction):
    settings: SeedSettings = Field(default=[])  # type: ignore[assignment]  # pydantic reads the list as wider


class RestoreVersion(Input):
    version_id: str


class ListInstances(Input):
    function_id: str


class CreateInstance(Input):
    function_id: str
    integration_id: str
    name: Name
    settings: JsonObject
    enabled: bool = False


class UpdateInstance(Input):
    settings: JsonObject
    name: Name = ""
    enabled: bool = False


class Setting(Answer):
    name: str
    label: str
    description: str
    type: str
    required: bool
    sensitive: bool


class SeedFunction(Answer):
    id: str
    resource_type: str
    created_at: str
    created_by: str
    code: str
    display_name: str = ""
    description: str = ""
    logo_url: str = ""
    settings: list[Setting]


class FunctionItem(Answer):
    """`displayName` ends with the workspace's name where the kind appears in the `integrations` object."""

    id: str
    resource_type: str
    created_at: str
    created_by: str
    shown_name: str = Field(default="", serialization_alias="displayName")
    description: str = ""
    logo_url: str = ""
    catalog_id: str


class Function(FunctionItem):
    code: str
    settings: list[Setting]
    deployed_at: str | None
    preview_webhook_url: str = ""
    batch_max_count: int
    is_latest_version: bool


class FunctionView(Function, SeedFunction):
    """All that any contract knows."""


class FunctionAnswer(Answer):
    function: Function


class SeedFunctionAnswer(Answer):
    function: SeedFunction


class FunctionsAnswer(Answer):
    functions: list[FunctionItem]
    pagination: Pagination


class SeedFunctionsAnswer(Answer):
    functions: list[SeedFunction]
    pagination: Pagination


class Deployment(Answer):
    status: str


class DeploymentAnswer(Answer):
    function_deployment: Deployment


class Version(Answer):
    id: str
    author: str
    code: str
    is_deployed: bool
    created_at: str
    updated_at: str
    deployed_at: str = ""


class VersionAnswer(Answer):
    version: Version


class VersionsAnswer(Answer):
    versions: list[Version]
    pagination: Pagination


class Instance(Answer):
    """`classId` is the function's id without its prefix."""

    id: str
    name: str
    integration_id: str
    class_id: str
    enabled: bool
    created_at: str
    updated_at: str
    settings: JsonObject
    encrypted_settings: JsonObject


class InstanceAnswer(Answer):
    insert_function_instance: Instance


class InstancesAnswer(Answer):
    instances: list[Instance]
    pagination: Pagination
