"""The whole document (OpenAPI 3.1), from the operations' declarations alone."""

import inspect
import re
from collections.abc import Sequence
from typing import Any

from penstock.api.openapi.answers import (
    ENVELOPE,
    HEADERS,
    PROBLEM,
    contracts_of,
    failure_components,
    media_type,
    responses_of,
)
from penstock.api.openapi.components import Components, Schema
from penstock.api.openapi.tags import tag_of, tags_of
from penstock.api.operation import Operation
from penstock.api.schema import FORM, RawBody
from penstock.api.versions import JSON, Contract

_ABOUT = """\
Everything that is configured in Penstock, through Segment's Public API.

**Who asks.** Send `Authorization: Bearer TOKEN`; a token belongs to one workspace, so no path names it.

**Which contract.** Plain JSON is answered as this document says under `application/json`. Ask for
`application/vnd.segment.v1+json` (`v1beta`, `v1alpha`) with `Accept` to be answered exactly as Segment does; the
official client libraries are known by their `User-Agent`. Body and answer then have the shapes of that media type.

**Pages.** `pagination[count]` and `pagination[cursor]`; follow `pagination.next` until it is absent. In a path's
query, `a[b]=1`, `a.b=1` and `a={"b":1}` say the same, and a list is a repeated name or `a.0=x`.

**Failures** are `{"errors": [{"type", "message", "field"}]}`, with a dotted path in `field`.
"""
_SCHEMES = {
    "token": {"type": "http", "scheme": "bearer", "description": "An API token; `penstock up` prints the first one."}
}
_COUNT = {
    "name": "pagination[count]",
    "in": "query",
    "description": "Items of a page. With a vendor media type up to 1000, 200 where absent.",
    "schema": {"type": "integer", "minimum": 1, "maximum": 200, "default": 10},
}
_CURSOR = {
    "name": "pagination[cursor]",
    "in": "query",
    "description": "`next` or `previous` of an answer; the first page where absent.",
    "schema": {"type": "string"},
}
_PATH_PART = re.compile(r"{(\w+)}")


def document_of(operations: Sequence[Operation]) -> dict[str, Any]:
    changes = [body for each in operations if each.method == "PATCH" for body in each.bodies.values()]
    components = Components([schema for each in operations for schema in _schemas_of(each)], changes)
    paths: dict[str, dict[str, Any]] = {}
    for operation in operations:
        paths.setdefault(path_of(operation), {})[operation.method.lower()] = _operation(operation, components)
    schemas = {"Errors": ENVELOPE, "Problem": PROBLEM, **components.schemas}
    return {
        "openapi": "3.1.0",
        "info": {"title": "Penstock", "version": "1.0", "description": _ABOUT},
        "servers": [{"url": "/", "description": "This installation"}],
        "security": [{"token": []}],
        "tags": [{"name": tag.name, "description": tag.description, "x-slug": tag.slug} for tag in tags_of(operations)],
        "paths": paths,
        "components": {
            "securitySchemes": _SCHEMES,
            "headers": HEADERS,
            "parameters": {"count": _COUNT, "cursor": _CURSOR},
            "responses": failure_components(),
            "schemas": _reached(schemas, paths),
        },
    }


def path_of(operation: Operation) -> str:
    """The seed's path where it is another than the official one, and not only in the names of its parts."""
    official, last = operation.paths[0], operation.paths[-1]
    return last if _PATH_PART.sub("{}", official) != _PATH_PART.sub("{}", last) else official


def _schemas_of(operation: Operation) -> list[Any]:
    return [found[contract] for contract in contracts_of(operation) for found in (operation.bodies, operation.answers)]


def _operation(operation: Operation, components: Components) -> dict[str, Any]:
    told = inspect.cleandoc(operation.handler.__doc__ or "")
    found: dict[str, Any] = {
        "operationId": operation.id,
        "tags": [tag_of(operation).name],
        "summary": _summary(told),
        "description": told,
        "parameters": [*_path_parameters(operation), *_query_parameters(operation, components)],
        "responses": responses_of(operation, components),
        "x-permissions": [str(need.permission) for need in operation.needs],
        "x-rate-limit": {"requests": operation.limit.requests, "seconds": operation.limit.seconds},
        "x-versions": [str(contract) for contract in operation.offered],
    }
    if operation.audit_events:
        found["x-audit-events"] = list(operation.audit_events)
    if operation.changes and operation.method != "DELETE":
        body = _body(operation, components)
        if body:
            found["requestBody"] = body
    return found


def _summary(told: str) -> str:
    """The first sentence, on one line."""
    first = re.split(r"(?<=[^.]\.)\s", " ".join(told.partition("\n\n")[0].split()), maxsplit=1)[0]
    return first.rstrip(".")


def _path_parameters(operation: Operation) -> list[Any]:
    text = {"type": "string", "minLength": 1, "maxLength": 255}
    names = _PATH_PART.findall(path_of(operation))
    return [{"name": name, "in": "path", "required": True, "schema": text} for name in names]


def _query_parameters(operation: Operation, components: Components) -> list[Any]:
    found: list[Any] = []
    if operation.method in ("GET", "DELETE"):
        schema = components.of(operation.bodies[Contract.SEED])
        required = schema.get("required", [])
        for name, each in schema.get("properties", {}).items():
            found.append({"name": name, "in": "query", "required": name in required, **_query_value(each)})
    if operation.is_paged:
        found += [{"$ref": f"#/components/parameters/{name}"} for name in ("count", "cursor")]
    return found


def _query_value(schema: Schema) -> Schema:
    """A null in a query is a parameter that is absent; a list of objects is written as JSON text."""
    options = [each for each in schema.get("anyOf", []) if each.get("type") != "null"]
    if len(options) == 1:
        schema = options[0]
    if schema.get("type") == "array" and "$ref" in schema.get("items", {}):
        return {"content": {JSON: {"schema": schema}}}
    return {"schema": schema}


def _body(operation: Operation, components: Components) -> dict[str, Any] | None:
    """Required where something in it is."""
    if issubclass(operation.bodies[Contract.SEED], RawBody):
        schema = components.reference(operation.bodies[Contract.SEED])
        return {"required": True, "content": {each: {"schema": schema} for each in (JSON, FORM)}}
    content = {
        media_type(contract): {"schema": components.reference(operation.bodies[contract])}
        for contract in contracts_of(operation)
    }
    schema = components.of(operation.bodies[Contract.SEED])
    if not schema.get("properties"):
        return None
    return {"required": bool(schema.get("required")), "content": content}


def _reached(schemas: dict[str, Schema], paths: dict[str, Any]) -> dict[str, Schema]:
    """Only what something refers to, in the order of the alphabet."""
    found, waiting = {"Errors", "Problem"}, [paths]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            name = str(value.get("$ref", "")).removeprefix("#/components/schemas/")
            if name in schemas and name not in found:
                found.add(name)
                waiting.append(schemas[name])
            waiting += value.values()
        elif isinstance(value, list):
            waiting += value
    return {name: schemas[name] for name in sorted(found)}
