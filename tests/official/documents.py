"""The contracts as OpenAPI documents, put together from the facts that the contract tests keep."""

import json
from typing import Any

from tests.contract.document import DATA, sealed

Schema = dict[str, Any]
_PREFIX = "#/components/schemas/"
REFUSALS = {"seed": (("400", "401", "403", "404"), "Error"), "official": (("400", "403"), "RequestErrorEnvelope")}
"""What each contract answers to a request that it does not like, also where it forgot to declare it."""


def openapi_document(name: str) -> Schema:
    """`seed` or `official`. What is sent is closed, so that what is made up by it is what somebody would send."""
    facts = json.loads((DATA / f"{name}.json").read_text())
    schemas: dict[str, Schema] = facts["schemas"]
    sent = {f"{schema}.sent": _renamed(sealed(found)) for schema, found in schemas.items()}
    paths: dict[str, Schema] = {}
    for identifier, found in facts["operations"].items():
        paths.setdefault(found["path"], {})[found["method"].lower()] = _operation(name, identifier, found)
    return {
        "openapi": "3.0.3" if name == "seed" else "3.1.0",
        "info": {"title": name, "version": "1"},
        "paths": paths,
        "components": {"schemas": schemas | sent},
    }


def _operation(name: str, identifier: str, found: dict[str, Any]) -> Schema:
    statuses, schema = REFUSALS[name]
    refusal = {"application/json": {"$ref": _PREFIX + schema}}
    responses = dict.fromkeys(statuses, refusal) | found["responses"]
    operation = {
        "operationId": identifier,
        "parameters": _renamed(found["parameters"]),
        "responses": {status: {"description": "", "content": _content(types)} for status, types in responses.items()},
    }
    if found["body"]:
        operation["requestBody"] = {"required": True, "content": _content(_renamed(sealed(found["body"])))}
    return operation


def _content(types: dict[str, Schema]) -> Schema:
    """In the most stable version: plain JSON is the same."""
    return {"application/json": {"schema": next(iter(types.values()))}} if types else {}


def _renamed(schema: Any) -> Any:
    """The schema, leading to the closed forms of what it names."""
    if isinstance(schema, list):
        return [_renamed(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    return {
        name: f"{value}.sent" if name == "$ref" and isinstance(value, str) else _renamed(value)
        for name, value in schema.items()
    }
