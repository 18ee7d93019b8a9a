"""What the API takes and tells of sources, per contract."""

from typing import Annotated, Any

from pydantic import Field

from penstock.api.schema import Answer, Input, JsonObject, Pagination
from penstock.resources.catalog import SourceMetadata

Slug = Annotated[str, Field(min_length=1, max_length=255)]
Name = Annotated[str, Field(max_length=255)]


class CreateSource(Input):
    slug: Slug
    enabled: bool
    metadata_id: str
    settings: JsonObject = Field(default={})
    disconnect_all_warehouses: bool = False


class CreateSourceAlpha(Input):
    """Has a name and cannot leave warehouses out."""

    slug: Slug
    enabled: bool
    metadata_id: str
    settings: JsonObject = Field(default={})
    name: Name = ""


class CreateSourceSeed(CreateSource):
    enabled: bool = True


class UpdateSource(Input):
    name: Name = ""
    enabled: bool = True
    slug: Slug = ""
    settings: dict[str, Any] = Field(default={})


class Label(Answer):
    key: str
    value: str


class Source(Answer):
    id: str
    slug: str
    name: str
    metadata: SourceMetadata
    workspace_id: str
    enabled: bool
    write_keys: list[str]
    settings: JsonObject
    labels: list[Label]


class SourceAnswer(Answer):
    """Create and update."""

    source: Source


class GetSourceAnswer(SourceAnswer):
    tracking_plan_id: str | None


class GetSourceSeedAnswer(SourceAnswer):
    """The seed has no tracking plan here, and declares no null."""


class SourcesAnswer(Answer):
    sources: list[Source]
    pagination: Pagination
