"""What the API takes and tells of destination filters: the official shape in every contract, for the seed has none."""

from typing import Annotated, Any

from pydantic import Field, PlainValidator
from pydantic_core import PydanticCustomError

from penstock.api.schema import Answer, Input, JsonObject, Pagination

Title = Annotated[str, Field(min_length=1, max_length=64)]
Description = Annotated[str, Field(max_length=1_000)]


def _number(value: Any) -> Any:
    """As it was sent: a client that sent 1 must not read 1.0 back."""
    if type(value) not in (int, float):
        raise PydanticCustomError("number_type", "must be a number")
    return value


class Action(Input):
    """What is sent can be read back unchanged. Which fields belong together, `admission` tells."""

    type: str
    fields: dict[str, list[str]] = Field(default={})
    percent: Annotated[float, PlainValidator(_number)] = 0
    path: str = ""


Actions = Annotated[list[Action], Field(min_length=1, max_length=20)]


class CreateFilter(Input):
    source_id: str
    condition: str = Field(alias="if")
    actions: Actions
    title: Title
    description: Description = ""
    enabled: bool


class UpdateFilter(Input):
    condition: str = Field(default="", alias="if")
    actions: Actions = Field(default=[])
    title: Title = ""
    description: Description | None = None
    enabled: bool = False


class PreviewedFilter(Input):
    condition: str = Field(alias="if")
    actions: Actions


class PreviewFilter(Input):
    filter: PreviewedFilter
    payload: JsonObject


class DestinationFilter(Answer):
    id: str
    source_id: str
    destination_id: str
    condition: str = Field(alias="if")
    actions: list[JsonObject]
    title: str
    description: str = ""
    enabled: bool
    created_at: str
    updated_at: str


class FilterAnswer(Answer):
    filter: DestinationFilter


class FiltersAnswer(Answer):
    filters: list[DestinationFilter]
    pagination: Pagination


class PreviewAnswer(Answer):
    input_payload: JsonObject
    result: dict[str, Any] | None
