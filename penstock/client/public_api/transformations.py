"""Transformations: What becomes of a source's events on their way, by a condition.

Written by `make docs`; edits here are lost.
"""

from typing import Any, NotRequired, TypedDict

from penstock.client.asking import Ask, quoted
from penstock.client.public_api.shared import Deleted, FqlProperty, Hash, Pagination, PropertyRename, PropertyValue

Transformation = TypedDict(
    "Transformation",
    {
        "id": str,
        "name": str,
        "sourceId": str,
        "destinationMetadataId": NotRequired[str],
        "enabled": bool,
        "if": str,
        "drop": NotRequired[bool],
        "newEventName": NotRequired[str],
        "propertyRenames": NotRequired[list[dict[str, Any]]],
        "propertyValueTransformations": NotRequired[list[dict[str, Any]]],
        "fqlDefinedProperties": NotRequired[list[dict[str, Any]]],
        "allowProperties": NotRequired[list[str]],
        "hashPropertiesConfiguration": NotRequired[dict[str, Any]],
    },
)


class TransformationsAnswer(TypedDict):
    transformations: list[Transformation]
    pagination: Pagination


CreateTransformationSeed = TypedDict(
    "CreateTransformationSeed",
    {
        "drop": NotRequired[bool],
        "newEventName": NotRequired[str],
        "propertyRenames": NotRequired[list[PropertyRename]],
        "propertyValueTransformations": NotRequired[list[PropertyValue]],
        "fqlDefinedProperties": NotRequired[list[FqlProperty]],
        "allowProperties": NotRequired[list[str]],
        "hashPropertiesConfiguration": NotRequired[Hash | None],
        "name": str,
        "sourceId": str,
        "destinationMetadataId": NotRequired[str],
        "enabled": NotRequired[bool],
        "if": NotRequired[str],
    },
)


class TransformationAnswer(TypedDict):
    transformation: Transformation


UpdateTransformation = TypedDict(
    "UpdateTransformation",
    {
        "drop": NotRequired[bool],
        "newEventName": NotRequired[str],
        "propertyRenames": NotRequired[list[PropertyRename]],
        "propertyValueTransformations": NotRequired[list[PropertyValue]],
        "fqlDefinedProperties": NotRequired[list[FqlProperty]],
        "allowProperties": NotRequired[list[str]],
        "hashPropertiesConfiguration": NotRequired[Hash | None],
        "name": NotRequired[str],
        "sourceId": NotRequired[str],
        "destinationMetadataId": NotRequired[str],
        "enabled": NotRequired[bool],
        "if": NotRequired[str],
    },
)


class TransformationsApi:
    """What becomes of a source's events on their way, by a condition."""

    def __init__(self, ask: Ask) -> None:
        self._ask = ask

    def list_transformations(self, *, count: int | None = None, cursor: str | None = None) -> TransformationsAnswer:
        """The transformations of the sources that the token may read, the oldest first."""
        answer: TransformationsAnswer = self._ask(
            "GET", "/transformations", query={"pagination[count]": count, "pagination[cursor]": cursor}
        )
        return answer

    def create_transformation(self, body: CreateTransformationSeed) -> TransformationAnswer:
        """Make a transformation of a source's events; with `destinationMetadataId`, for destinations of that type
        alone.

        `if` is FQL, or `all` for every event. Transformations of one scope act in the order of their making, each
        on what the one before left of the event.
        """
        answer: TransformationAnswer = self._ask("POST", "/transformations", body=body)
        return answer

    def get_transformation(self, transformation_id: str) -> TransformationAnswer:
        """One transformation. The key of its hash is masked."""
        answer: TransformationAnswer = self._ask("GET", f"/transformations/{quoted(transformation_id)}")
        return answer

    def update_transformation(
        self, transformation_id: str, body: UpdateTransformation | None = None
    ) -> TransformationAnswer:
        """Change what is sent; a list takes the place of the whole one before."""
        answer: TransformationAnswer = self._ask("PATCH", f"/transformations/{quoted(transformation_id)}", body=body)
        return answer

    def delete_transformation(self, transformation_id: str) -> Deleted:
        """Delete a transformation."""
        answer: Deleted = self._ask("DELETE", f"/transformations/{quoted(transformation_id)}")
        return answer
