"""JSON Schemas of rules: draft-07 whatever `$schema` says, and bounded, for whoever writes a plan need not be trusted.

Invariants:
- A `$ref` leads into the same document, by a JSON pointer; nothing is ever fetched, from no network and no disk.
- Patterns are matched in linear time (no look-around, no back-references: RE2's language, as the original's).
- A schema inside that has an `$id` of its own and names another draft is refused: it would be read by that one.
- What a schema expands to, every `$ref` followed, is at most EXPANSION_LIMIT schemas.

Errors:
    SchemaError    the schema cannot be used, with the reason and the place
"""

from collections.abc import Iterator
from typing import Any
from urllib.parse import unquote

import jsonschema_rs
import msgspec

SIZE_LIMIT = 256 * 1024
EXPANSION_LIMIT = 20_000
_DEPTH_LIMIT = 100
_DRAFT = "http://json-schema.org/draft-07/schema#"
_MAPS = {"properties", "patternProperties", "definitions", "dependencies"}
"""Keywords whose values hold schemas by name."""
_SCHEMAS = {
    "items",
    "additionalItems",
    "contains",
    "additionalProperties",
    "propertyNames",
    "not",
    "if",
    "then",
    "else",
}
_SCHEMAS |= {"allOf", "anyOf", "oneOf"}
"""Keywords whose values are schemas or lists of them."""
_PATTERNS = jsonschema_rs.RegexOptions(size_limit=256 * 1024, dfa_size_limit=1 << 20)


class SchemaError(ValueError):
    """Reads after the name of what holds the schema."""


def compile_schema(schema: dict[str, Any] | bool) -> jsonschema_rs.Draft7Validator:
    """Raises SchemaError."""
    if len(msgspec.json.encode(schema)) > SIZE_LIMIT:
        raise SchemaError(f"is larger than {SIZE_LIMIT} bytes")
    _Expansion().walk(schema, schema, frozenset(), 0)
    try:
        # The class decides on the draft: where `$schema` names another, what is new in that one means nothing here.
        return jsonschema_rs.Draft7Validator(
            schema if isinstance(schema, bool) else {**schema, "$schema": _DRAFT},
            validate_formats=True,
            pattern_options=_PATTERNS,
            offline=True,
        )
    except jsonschema_rs.ValidationError as error:
        place = "/".join(map(str, error.instance_path))
        raise SchemaError(f"is not a JSON Schema (draft-07): {error.message[:300]} at /{place}") from error
    except (jsonschema_rs.ReferencingError, ValueError) as error:
        raise SchemaError(f"is not a JSON Schema (draft-07): {str(error)[:300]}") from error


class _Expansion:
    """Counts what a schema comes to when each `$ref` stands for what it names; one inside itself counts once.

    A pointer starts at the nearest schema around it that has an `$id` (draft-07 core, 8.2). What stands beside a
    `$ref` means nothing (8.3). Only where schemas stand is looked: a `$ref` in `enum` or in a name is none.
    """

    def __init__(self) -> None:
        self._count = 0

    def walk(self, node: Any, base: Any, followed: frozenset[tuple[int, str]], depth: int) -> None:
        """`base` is where pointers start. Raises SchemaError."""
        if not isinstance(node, dict):
            return
        self._count += 1
        if self._count > EXPANSION_LIMIT or depth > _DEPTH_LIMIT:
            raise SchemaError(f"expands to more than {EXPANSION_LIMIT} schemas or {_DEPTH_LIMIT} levels")
        reference = node.get("$ref")
        if isinstance(reference, str):
            target, inside = _target(base, reference)
            one = (id(base), reference)
            if one not in followed:
                self.walk(target, inside, followed | {one}, depth + 1)
            return
        inside = _base(node, base)
        if depth and inside is node and str(node.get("$schema", _DRAFT)).rstrip("#") != _DRAFT.rstrip("#"):
            raise SchemaError(f"has a schema of another draft inside: {str(node['$schema'])[:200]}")
        for each in _schemas_in(node):
            self.walk(each, inside, followed, depth + 1)


def _base(node: Any, base: Any) -> Any:
    """That of what stands in `node`; an `$id` that is a fragment only names its place."""
    has_own = isinstance(node, dict) and isinstance(node.get("$id"), str) and "$ref" not in node
    return node if has_own and not node["$id"].startswith("#") else base


def _schemas_in(node: dict[str, Any]) -> Iterator[Any]:
    for keyword, value in node.items():
        if keyword in _MAPS and isinstance(value, dict):
            yield from value.values()
        elif keyword in _SCHEMAS:
            yield from value if isinstance(value, list) else [value]


def _target(base: Any, reference: str) -> tuple[Any, Any]:
    """What a pointer from `base` leads to, and where the pointers in that start."""
    if reference != "#" and not reference.startswith("#/"):
        raise SchemaError(f'has a "$ref" that does not lead into itself by a JSON pointer: {reference[:200]}')
    found = inside = base
    for part in unquote(reference[1:]).split("/")[1:]:
        key = part.replace("~1", "/").replace("~0", "~")
        inside = _base(found, inside)
        try:
            found = found[int(key)] if isinstance(found, list) else found[key]
        except (KeyError, IndexError, TypeError, ValueError) as error:
            raise SchemaError(f'has a "$ref" that leads nowhere: {reference[:200]}') from error
    return found, inside
