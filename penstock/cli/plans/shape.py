"""What a plan's rules say of events, as types: what both generators of clients read.

A JSON Schema says more than a type can (patterns, ranges, conditions). What has no type is wider here, never narrower:
what a generated client lets through, the plan still judges.
"""

import math
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

Rule = dict[str, Any]
"""As `/tracking-plans/{id}/rules` tells it: type, key, version, jsonSchema."""
_DEPTH_LIMIT = 16
_ENUM_LIMIT = 200
TRAITS = frozenset({"IDENTIFY", "GROUP"})


class Anything(msgspec.Struct, frozen=True, tag=True):
    """Whatever JSON can hold."""


class Scalar(msgspec.Struct, frozen=True, tag=True):
    """`string`, `number`, `integer`, `boolean` or `null`."""

    name: str


class Choice(msgspec.Struct, frozen=True, tag=True):
    """One of these values: strings, whole numbers, booleans or null."""

    values: tuple[str | int | bool | None, ...]


class List(msgspec.Struct, frozen=True, tag=True):
    items: "Type"


class Union(msgspec.Struct, frozen=True, tag=True):
    members: tuple["Type", ...]


class Record(msgspec.Struct, frozen=True, tag=True):
    """An object of which some members are known. Without any it is an object of whatever members."""

    fields: tuple["Field", ...] = ()


Type = Anything | Scalar | Choice | List | Union | Record


class Field(msgspec.Struct, frozen=True):
    name: str
    type: Type
    is_required: bool
    description: str = ""


class Call(msgspec.Struct, frozen=True):
    """One rule as a call: its kind (`track`, `identify` …), the name it is for, and what it carries."""

    kind: str
    name: str
    version: int
    holds: Record
    is_holder_required: bool
    description: str


def calls_of(rules: Iterable[Rule]) -> list[Call]:
    """In the order of the rules. COMMON rules judge every event and are no call; only those of TRACK have versions."""
    found: dict[tuple[str, str, int], Call] = {}
    for rule in rules:
        if rule["type"] != "COMMON":
            call = _call(rule)
            found.setdefault((call.kind, call.name, call.version if call.kind == "track" else 1), call)
    return list(found.values())


def _call(rule: Rule) -> Call:
    schema = _object(rule.get("jsonSchema"))
    holder = "traits" if rule["type"] in TRAITS else "properties"
    held = _object(schema.get("properties")).get(holder)
    holds = _record(_object(held), 0)
    return Call(
        kind=str(rule["type"]).lower(),
        name=str(rule.get("key") or ""),
        version=int(rule.get("version") or 1),
        holds=holds,
        is_holder_required=any(field.is_required for field in holds.fields),
        description=_text(schema.get("description")),
    )


def type_of(schema: Any, depth: int = 0) -> Type:
    """The type of what a schema lets through."""
    found = _object(schema)
    if not found or depth > _DEPTH_LIMIT:
        return Anything()
    if (values := found.get("enum", [found["const"]] if "const" in found else None)) is not None:
        return _choice(values)
    kinds = found.get("type", "object" if "properties" in found else None)
    kinds = kinds if isinstance(kinds, list) else [kinds]
    members = tuple(dict.fromkeys(_of_kind(kind, found, depth) for kind in kinds))
    return members[0] if len(members) == 1 else Anything() if not members or Anything() in members else Union(members)


def _of_kind(kind: Any, schema: dict[str, Any], depth: int) -> Type:
    match kind:
        case "string" | "number" | "integer" | "boolean" | "null":
            return Scalar(kind)
        case "array":
            items = schema.get("items")
            return List(type_of(items, depth + 1) if isinstance(items, dict) else Anything())
        case "object":
            return _record(schema, depth + 1)
    return Anything()


def _record(schema: dict[str, Any], depth: int) -> Record:
    required = schema.get("required")
    wanted = set(map(str, required)) if isinstance(required, list) else set()
    declared = {str(name): each for name, each in _object(schema.get("properties")).items()}
    fields = [
        Field(name, type_of(each, depth), name in wanted, _text(_object(each).get("description")))
        for name, each in declared.items()
    ]
    fields += [Field(name, Anything(), is_required=True) for name in sorted(wanted - declared.keys())]
    return Record(tuple(fields))


def _choice(values: Any) -> Type:
    if not isinstance(values, list) or not values or len(values) > _ENUM_LIMIT:
        return Anything()
    if not all(_is_literal(value) for value in values):
        return Anything()
    distinct: Sequence[Any] = list({(type(value), value): value for value in values}.values())
    return Choice(tuple(distinct))


def _is_literal(value: Any) -> bool:
    """Numbers with a fraction are no literals in Python's types."""
    if isinstance(value, float):
        return False
    return value is None or isinstance(value, str | bool) or (isinstance(value, int) and math.fabs(value) < 2**53)


def _object(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
