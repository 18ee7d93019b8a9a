"""Reads one of the two contracts and judges requests and answers by it, as the strictest client would.

The official contract is closed: a property that it does not declare is an error. The seed's answers may hold more.
"""

import json
from pathlib import Path
from typing import Any

import jsonschema_rs

DATA = Path(__file__).parent / "data"
OFFICIAL_NAMES = {"createRegulation": "createWorkspaceRegulation", "listRegulations": "listWorkspaceRegulations"}
"""What the seed calls by another name."""


class Document:
    """`seed` or `official`."""

    def __init__(self, name: str) -> None:
        found = json.loads((DATA / f"{name}.json").read_text())
        operations = {OFFICIAL_NAMES.get(name, name): declared for name, declared in found["operations"].items()}
        self._hold(operations, found["schemas"], is_closed=name == "official")

    def _hold(self, operations: dict[str, Any], schemas: dict[str, Any], *, is_closed: bool) -> None:
        self.operations = operations
        self.is_closed = is_closed
        self._schemas = schemas
        self._sealed = sealed(schemas)
        self._validators: dict[str, jsonschema_rs.Validator] = {}

    def complaints(self, schema: dict[str, Any], value: Any, *, closed: bool) -> list[str]:
        key = json.dumps([schema, closed], sort_keys=True)
        if key not in self._validators:
            components = {"schemas": self._sealed if closed else self._schemas}
            whole = {**(sealed(schema) if closed else schema), "components": components}
            self._validators[key] = jsonschema_rs.Draft202012Validator(whole, validate_formats=True)
        return [f"{error.instance_path}: {error.message}" for error in self._validators[key].iter_errors(value)]

    def request_complaints(self, operation: str, media_type: str, body: Any) -> list[str]:
        bodies = self.operations[operation]["body"]
        schema = bodies.get(media_type) or next(iter(bodies.values()))
        return self.complaints(schema, body, closed=True)

    def answer_complaints(self, operation: str, status: int, media_type: str, body: Any) -> list[str]:
        declared = self.operations[operation]["responses"]
        if str(status) not in declared:
            return [f"status {status} is not declared"]
        schemas = declared[str(status)]
        if not schemas:
            return []
        # An alpha or beta operation declares its versions alone, yet clients also ask it for plain JSON.
        schema = schemas.get(media_type) or next(iter(schemas.values()))
        if media_type not in schemas and media_type != "application/json":
            return [f"media type {media_type} is not declared"]
        return self.complaints(schema, body, closed=self.is_closed)

    def properties(self, schema: str) -> set[str]:
        return set(self._schemas[schema]["properties"])


def sealed(schema: Any) -> Any:
    """The schema, refusing properties that no object in it declares."""
    if isinstance(schema, list):
        return [sealed(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    found = {name: sealed(each) for name, each in schema.items()}
    if schema.get("type") == "object" and isinstance(schema.get("properties"), dict):
        found.setdefault("additionalProperties", False)
    return found
