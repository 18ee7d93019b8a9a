"""What an operation may answer: its success in every contract, and every failure, in the one envelope."""

from typing import Any

from penstock.api.openapi.components import Components, Schema
from penstock.api.operation import Operation
from penstock.api.versions import JSON, Contract

FAILURES = {
    400: ("BadRequest", "Well-formed, but against a rule; without a vendor media type also: does not fit its schema."),
    401: ("Unauthorized", "No token, or one that is not known."),
    403: ("Forbidden", "The token's permissions do not reach; the message says which is missing."),
    404: ("NotFound", "There is no such thing in the token's workspace."),
    413: ("BodyTooLarge", "The body is larger than this operation takes."),
    422: ("InputInvalid", "Asked with a vendor media type: does not fit its schema. Every problem names its field."),
    429: ("RateLimited", "The token's limit for this operation is reached. `Retry-After` says when to come again."),
    500: ("Internal", "The request failed inside Penstock. Its log says why."),
    503: ("RoleUnavailable", "The part of Penstock that would answer is down; the message names it."),
}
_TEXT, _WHOLE = {"type": "string"}, {"type": "integer"}
_LIMIT_HEADERS = ("X-RateLimit-Consumed", "X-RateLimit-Remaining", "X-RateLimit-Reset")
HEADERS = {
    "X-RateLimit-Consumed": {"description": "Requests of this token in the running window.", "schema": _WHOLE},
    "X-RateLimit-Remaining": {"description": "Requests left in the running window.", "schema": _WHOLE},
    "X-RateLimit-Reset": {"description": "When the window ends (RFC 5322).", "schema": _TEXT},
    "Retry-After": {"description": "Seconds until the next request is taken.", "schema": _WHOLE},
}
PROBLEM: Schema = {
    "type": "object",
    "description": "One reason why a request failed.",
    "required": ["type"],
    "properties": {
        "type": {"type": "string", "description": "The class of the failure."},
        "message": {"type": "string", "description": "A sentence for people."},
        "field": {"type": "string", "description": "The path of the field in the body or query, joined by dots."},
        "data": {"type": "object", "description": "What a program needs to go on.", "additionalProperties": True},
        "status": {"type": "integer"},
    },
}
ENVELOPE: Schema = {
    "type": "object",
    "description": "How every failure is answered.",
    "required": ["errors"],
    "properties": {"errors": {"type": "array", "minItems": 1, "items": {"$ref": "#/components/schemas/Problem"}}},
}


def media_type(contract: Contract) -> str:
    return f"application/vnd.segment.{contract}+json" if contract.is_official else JSON


def contracts_of(operation: Operation) -> tuple[Contract, ...]:
    return (Contract.SEED, *operation.offered)


def failure_components() -> dict[str, Any]:
    envelope = {JSON: {"schema": {"$ref": "#/components/schemas/Errors"}}}
    found: dict[str, Any] = {
        name: {"description": described, "content": envelope} for name, described in FAILURES.values()
    }
    found["RateLimited"]["headers"] = _headers("Retry-After", *_LIMIT_HEADERS)
    return found


def responses_of(operation: Operation, components: Components) -> dict[str, Any]:
    contents: dict[int, dict[str, Any]] = {}
    for contract in contracts_of(operation):
        content = contents.setdefault(operation.status(contract), {})
        content[media_type(contract)] = {"schema": _enveloped(components.reference(operation.answers[contract]))}
    if 201 in contents:
        # Official clients that ask for plain JSON are known by their User-Agent.
        contents[201].setdefault(JSON, contents[201][media_type(operation.offered[0])])
    found: dict[str, Any] = {
        str(status): {"description": _success(operation), "headers": _headers(*_LIMIT_HEADERS), "content": content}
        for status, content in contents.items()
    }
    for status in _statuses(operation):
        found[str(status)] = {"$ref": f"#/components/responses/{FAILURES[status][0]}"}
    return found


def _enveloped(reference: Schema) -> Schema:
    return {"type": "object", "required": ["data"], "properties": {"data": reference}}


def _headers(*names: str) -> Schema:
    return {name: {"$ref": f"#/components/headers/{name}"} for name in names}


def _success(operation: Operation) -> str:
    return "Created." if operation.created else "Done." if operation.changes else "Found."


def _statuses(operation: Operation) -> list[int]:
    left_out = {413} if operation.method in ("GET", "DELETE") else set()
    if operation.asks is None:
        left_out.add(503)
    return [status for status in FAILURES if status not in left_out]
