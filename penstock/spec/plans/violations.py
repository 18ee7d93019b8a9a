"""What is wrong with an event by one rule, in the words that people know from the original (protocols.md §5.1).

A combinator that fails tells of itself and of what failed in it. A value of the wrong type is told of once.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import combinations, islice
from typing import Any

import jsonschema_rs
import msgspec
import structlog

logger = structlog.get_logger(__name__)

VIOLATIONS_LIMIT = 100
"""Of one event by one rule; the rest is not told."""
_ERRORS_LIMIT = 1_000
"""Of the validator, that are looked at together."""
_TEXT_LIMIT = 1_000
_ROOT = "(root)"
_HOLDERS = ("properties", "traits")
_NAMING = ("properties", "patternProperties", "definitions", "dependencies")
"""Keywords below which names stand."""


class Violation(msgspec.Struct, frozen=True):
    """One failed assertion."""

    type: str
    field: str
    """From the event's root, with dots; `(root)` for the event itself."""
    description: str
    member: str = ""
    """The property or trait to leave out so that it is no more; empty where leaving out does not help."""

    def record(self) -> dict[str, str]:
        """As it stands in `context.protocols.violations`."""
        return {"type": self.type, "field": self.field, "description": self.description}


_UNWORDED = Violation("Invalid", _ROOT, "Does not match the schema")


def violations_of(
    validator: jsonschema_rs.Draft7Validator, schema: Mapping[str, Any], event: Mapping[str, Any]
) -> list[Violation]:
    """At most VIOLATIONS_LIMIT; `schema` is what the validator was made from. Never raises: no event is lost because
    what is wrong with it has no words.
    """
    found: list[Violation] = []
    try:
        if validator.is_valid(event):
            return []
        for violation in _told(validator.iter_errors(event), schema, event):
            found.append(violation)
            if len(found) == VIOLATIONS_LIMIT:
                break
    except Exception as error:  # noqa: BLE001 - whatever goes wrong with the words, the event goes on
        # By its class alone: its text may hold values of the event.
        logger.warning("A violation cannot be worded.", error=type(error).__name__)
        found.append(_UNWORDED)
    return found or [_UNWORDED]


def _told(errors: Iterable[Any], schema: Mapping[str, Any], event: Mapping[str, Any]) -> Iterator[Violation]:
    combinators: set[tuple[Any, ...]] = set()
    for error in _without_deeper(list(islice(errors, _ERRORS_LIMIT))):
        for at in _keyword_places(error.schema_path):
            keyword = error.schema_path[at]
            place = (tuple(error.schema_path[: at + 1]), tuple(error.instance_path))
            if keyword in _SILENT and place not in combinators:
                combinators.add(place)
                yield _violation(*_SILENT[keyword], list(error.instance_path))
        yield from _of_error(error, schema, event)


def _without_deeper(errors: list[Any]) -> Iterator[Any]:
    """A value of the wrong type is judged no further by the schema that wants the type."""
    ended: dict[tuple[Any, ...], list[list[Any]]] = {}
    for error in errors:
        if error.kind.name == "type":
            ended.setdefault(tuple(error.instance_path), []).append(error.schema_path[:-1])
    for error in errors:
        places = ended.get(tuple(error.instance_path), ())
        if error.kind.name == "type" or not any(error.schema_path[: len(place)] == place for place in places):
            yield error


def _keyword_places(path: list[Any]) -> Iterator[int]:
    """Where keywords stand in the path: a property may be called `then`, and that is none."""
    at = 0
    while at < len(path):
        yield at
        at += 2 if path[at] in _NAMING else 1


def _of_error(error: Any, schema: Mapping[str, Any], event: Mapping[str, Any]) -> Iterator[Violation]:
    """Whatever the validator tells is told on: what has no words of its own, in the validator's."""
    kind, path = error.kind, list(error.instance_path)
    keyword = _keyword_of(error)
    if keyword == "required":
        field = _dotted([*path, kind.property])
        yield Violation("Required", field, f"{field} is required")
    elif keyword == "additionalProperties" and (names := _unexpected(error, event)):
        for name in names:
            told = f"Additional property {name} is not allowed"
            yield _violation("Additional Property Not Allowed", told, [*path, name])
    elif keyword == "type":
        yield _violation("Invalid Type", _wrong_type(error, schema), path)
    elif keyword in _COMBINATORS:
        yield _violation(*_COMBINATORS[keyword], path)
        # Of `not`, and of `oneOf` where several match, there is nothing that failed inside.
        yield from _told((each for branch in getattr(kind, "context", ()) for each in branch), schema, event)
    elif keyword == "propertyNames":
        told = f'Property name of "{kind.error.instance}" does not match'
        yield _violation("Invalid Property Name", told, [*path, kind.error.instance])
    elif keyword in _TEXTS:
        type_, text = _TEXTS[keyword]
        named = f"{_dotted(path)} " if keyword in ("enum", "const") else ""
        yield _violation(type_, named + text(kind, error.instance), path)
    else:
        yield _violation(_titled(keyword), error.message, path)


def _keyword_of(error: Any) -> str:
    """Of two keywords the validator tells by what they came to: a name that is missing, a schema that is `false`."""
    path, kind = error.schema_path, str(error.kind.name)
    is_keyword = bool(path) and len(path) - 1 in _keyword_places(path)
    return path[-1] if is_keyword and _CAME_TO.get(path[-1]) == kind else kind


def _unexpected(error: Any, event: Mapping[str, Any]) -> Iterable[Any]:
    """The names; where a schema declares nothing at all, the validator stops at the first one and does not tell it."""
    if names := getattr(error.kind, "unexpected", None):
        return names  # type: ignore[no-any-return]
    found = _at(error.instance_path, event)
    return found if isinstance(found, dict) else ()


def _violation(type_: str, description: str, path: list[Any]) -> Violation:
    member = str(path[1]) if len(path) > 1 and path[0] in _HOLDERS else ""
    return Violation(type_, _dotted(path), description[:_TEXT_LIMIT], member)


def _dotted(path: list[Any]) -> str:
    return ".".join(map(str, path))[:_TEXT_LIMIT] or _ROOT


def _wrong_type(error: Any, schema: Mapping[str, Any]) -> str:
    # The validator sorts the types in its own manner; the schema has them as they were written, where it is found:
    # a path does not tell from which `$id` on it is meant.
    declared, allowed = _at(error.schema_path, schema), error.kind.types
    if not isinstance(declared, list) or sorted(declared) != sorted(allowed):
        declared = allowed
    expected = declared[0] if len(declared) == 1 else f"[{','.join(declared)}]"
    return f"Invalid type. Expected: {expected}, given: {_type_name(error.instance)}"


def _at(path: list[Any], document: Any) -> Any:
    """What stands there; None where nothing does. The validator takes names that are numbers for places in a list."""
    for key in path:
        if isinstance(document, list) and isinstance(key, int) and key < len(document):
            document = document[key]
        elif isinstance(document, Mapping):
            document = document.get(str(key))
        else:
            return None
    return document


def _titled(keyword: str) -> str:
    """`contentEncoding` as `Content Encoding`."""
    return "".join(f" {letter}" if letter.isupper() else letter for letter in keyword).title()


def _type_name(value: Any) -> str:
    if isinstance(value, float) and value.is_integer():
        return "integer"
    return _TYPE_NAMES.get(type(value), "number")


_TYPE_NAMES = {
    type(None): "null",
    bool: "boolean",
    int: "integer",
    float: "number",
    str: "string",
    list: "array",
    dict: "object",
}


def _json(value: Any) -> str:
    return msgspec.json.encode(value).decode()


def _first_twins(items: list[Any]) -> str:
    for (first, one), (second, other) in combinations(enumerate(items[:200]), 2):
        if one == other and isinstance(one, bool) == isinstance(other, bool):
            return f"array items[{first},{second}] must be unique"
    return "array items must be unique"


_Text = Callable[[Any, Any], str]
_TEXTS: dict[str, tuple[str, _Text]] = {
    "enum": ("Enum", lambda kind, _: f"must be one of the following: {', '.join(map(_json, kind.options))}"),
    "const": ("Const", lambda kind, _: f"does not match: {_json(kind.expected_value)}"),
    "pattern": ("Pattern", lambda kind, _: f"Does not match pattern '{kind.pattern}'"),
    "format": ("Format", lambda kind, _: f"Does not match format '{kind.format}'"),
    "minLength": (
        "String Gte",
        lambda kind, _: f"String length must be greater than or equal to {kind.limit}",
    ),
    "maxLength": ("String Lte", lambda kind, _: f"String length must be less than or equal to {kind.limit}"),
    "minimum": ("Number Gte", lambda kind, _: f"Must be greater than or equal to {_json(kind.limit)}"),
    "exclusiveMinimum": ("Number Gt", lambda kind, _: f"Must be greater than {_json(kind.limit)}"),
    "maximum": ("Number Lte", lambda kind, _: f"Must be less than or equal to {_json(kind.limit)}"),
    "exclusiveMaximum": ("Number Lt", lambda kind, _: f"Must be less than {_json(kind.limit)}"),
    "multipleOf": ("Multiple Of", lambda kind, _: f"Must be a multiple of {_json(kind.multiple_of)}"),
    "minItems": ("Array Min Items", lambda kind, _: f"Array must have at least {kind.limit} items"),
    "maxItems": ("Array Max Items", lambda kind, _: f"Array must have at most {kind.limit} items"),
    "uniqueItems": ("Unique", lambda _, found: _first_twins(found)),
    "contains": ("Contains", lambda *_: "At least one of the items must match"),
    "additionalItems": ("Array No Additional Items", lambda *_: "No additional items allowed on array"),
    "minProperties": ("Array Min Properties", lambda kind, _: f"Must have at least {kind.limit} properties"),
    "maxProperties": ("Array Max Properties", lambda kind, _: f"Must have at most {kind.limit} properties"),
    "dependencies": ("Missing Dependency", lambda kind, _: f"Has a dependency on {kind.property}"),
    "falseSchema": ("False", lambda *_: "False always fails validation"),
}
_CAME_TO = {"dependencies": "required", "additionalProperties": "falseSchema"}
_COMBINATORS = {
    "anyOf": ("Number Any Of", "Must validate at least one schema (anyOf)"),
    "oneOf": ("Number One Of", "Must validate one and only one schema (oneOf)"),
    "not": ("Number Not", "Must not validate the schema (not)"),
}
_SILENT = {
    "allOf": ("Number All Of", "Must validate all the schemas (allOf)"),
    "then": ("Condition Then", 'Must validate "then" as "if" was valid'),
    "else": ("Condition Else", 'Must validate "else" as "if" was not valid'),
}
"""Combinators of which the validator tells only what failed in them."""
