"""What the API takes and tells of transformations; the seed can leave out more."""

from typing import Annotated

from pydantic import Field

from penstock.api.schema import Answer, Input, JsonObject, Pagination

Name = Annotated[str, Field(min_length=1, max_length=255)]
Text = Annotated[str, Field(max_length=5_120)]


class PropertyRename(Input):
    old_name: Text
    new_name: Text


class PropertyValue(Input):
    property_paths: Annotated[list[Text], Field(max_length=10)]
    property_value: Text


class FqlProperty(Input):
    fql: Text
    property_name: Text


class Hash(Input):
    algorithm: str
    key: Text = ""
    encoding: str = ""
    paths: Annotated[list[Text], Field(max_length=100)]


class Operations(Input):
    """What a transformation does. What is sent can be read back unchanged, but for the key of the hash."""

    drop: bool = False
    new_event_name: Text = ""
    property_renames: Annotated[list[PropertyRename], Field(max_length=100)] = Field(default=[])
    property_value_transformations: Annotated[list[PropertyValue], Field(max_length=10)] = Field(default=[])
    fql_defined_properties: Annotated[list[FqlProperty], Field(max_length=1)] = Field(default=[])
    allow_properties: Annotated[list[Text], Field(max_length=1_000)] = Field(default=[])
    hash_properties_configuration: Hash | None = None


class AskedTransformation(Operations):
    """One that is tried out and not kept."""

    condition: str = Field(alias="if")


class CreateTransformation(Operations):
    name: Name
    source_id: str
    destination_metadata_id: str = ""
    enabled: bool
    condition: str = Field(alias="if")


class CreateTransformationSeed(CreateTransformation):
    enabled: bool = True
    condition: str = Field(default="all", alias="if")


class UpdateTransformation(Operations):
    name: Name = ""
    source_id: str = ""
    destination_metadata_id: str = ""
    enabled: bool = False
    condition: str = Field(default="", alias="if")


class Transformation(Answer):
    id: str
    name: str
    source_id: str
    destination_metadata_id: str = ""
    enabled: bool
    condition: str = Field(alias="if")
    drop: bool = False
    new_event_name: str = ""
    property_renames: Annotated[list[JsonObject], Field(default=[])]
    property_value_transformations: Annotated[list[JsonObject], Field(default=[])]
    fql_defined_properties: Annotated[list[JsonObject], Field(default=[])]
    allow_properties: Annotated[list[str], Field(default=[])]
    hash_properties_configuration: Annotated[JsonObject, Field(default={})]


class TransformationAnswer(Answer):
    transformation: Transformation


class TransformationsAnswer(Answer):
    transformations: list[Transformation]
    pagination: Pagination
