"""The document's operations by tag, as the generators of the client and of the command table read them."""

import re
from collections.abc import Iterator
from typing import Any

import msgspec

from penstock.api.openapi.components import PREFIX, Schema
from penstock.api.versions import JSON

Document = dict[str, Any]


class Described(msgspec.Struct, frozen=True):
    """One operation, in the shapes of plain JSON."""

    id: str
    method: str
    path: str
    summary: str
    description: str
    path_names: list[str]
    query: dict[str, Schema]
    required_query: set[str]
    is_paged: bool
    body: str
    """The name of its schema; empty where there is none."""
    is_body_required: bool
    answer: str

    @property
    def function(self) -> str:
        return snake(self.id)


def snake(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name).lower()


def by_tag(document: Document) -> Iterator[tuple[str, str, str, list[Described]]]:
    """(slug, name, description, operations) in the document's order."""
    described = [
        (told["tags"][0], _described(path, method, told))
        for path, methods in document["paths"].items()
        for method, told in methods.items()
    ]
    for tag in document["tags"]:
        yield tag["x-slug"], tag["name"], tag["description"], [each for name, each in described if name == tag["name"]]


def _described(path: str, method: str, told: dict[str, Any]) -> Described:
    parameters = [each for each in told["parameters"] if "name" in each]
    query = [each for each in parameters if each["in"] == "query"]
    body = told.get("requestBody", {"required": False, "content": {}})
    content = body["content"].get(JSON)
    return Described(
        id=told["operationId"],
        method=method.upper(),
        path=path,
        summary=told["summary"],
        description=told["description"],
        path_names=[each["name"] for each in parameters if each["in"] == "path"],
        query={each["name"]: each.get("schema") or each["content"][JSON]["schema"] for each in query},
        required_query={each["name"] for each in query if each["required"]},
        is_paged=any(each.get("$ref", "").endswith("/cursor") for each in told["parameters"]),
        body=content["schema"]["$ref"].removeprefix(PREFIX) if content else "",
        is_body_required=body["required"],
        answer=_answer(told["responses"]),
    )


def _answer(responses: dict[str, Any]) -> str:
    """The seed's success comes first, and so does its status."""
    content = next(found["content"] for found in responses.values() if JSON in found.get("content", {}))
    return str(content[JSON]["schema"]["properties"]["data"]["$ref"]).removeprefix(PREFIX)
