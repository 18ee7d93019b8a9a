"""Schemas of the document as Python types: what a `TypedDict` says, in the order in which Python can read them."""

import json
import keyword
from collections.abc import Iterable, Mapping
from textwrap import wrap
from typing import Any

from penstock.api.openapi.components import PREFIX, Schema, references

WIDTH = 120
_PLAIN = {"string": "str", "integer": "int", "number": "float", "boolean": "bool", "null": "None"}


def type_of(schema: Schema) -> str:
    if "$ref" in schema:
        return str(schema["$ref"]).removeprefix(PREFIX)
    if "enum" in schema or "const" in schema:
        return f"Literal[{', '.join(json.dumps(each) for each in schema.get('enum') or [schema['const']])}]"
    if "anyOf" in schema:
        return " | ".join(dict.fromkeys(map(type_of, schema["anyOf"])))
    if schema.get("type") == "array":
        return f"list[{type_of(schema.get('items', {}))}]"
    if schema.get("type") == "object":
        values = schema.get("additionalProperties")
        return f"dict[str, {type_of(values) if isinstance(values, dict) else 'Any'}]"
    return _PLAIN.get(schema.get("type", ""), "Any")


def declaration(name: str, schema: Schema) -> list[str]:
    """The lines that define the type of this name."""
    properties: dict[str, Schema] = schema.get("properties", {})
    if schema.get("type") != "object" or not properties:
        return [f"{name} = {type_of(schema)}"]
    required = schema.get("required", [])
    fields = {
        field: type_of(each) if field in required else f"NotRequired[{type_of(each)}]"
        for field, each in properties.items()
    }
    if all(field.isidentifier() and not keyword.iskeyword(field) for field in fields):
        lines = [f"class {name}(TypedDict):", *docstring(schema.get("description", ""), "    ")]
        return [*lines, *([""] if lines[1:] else []), *(f"    {field}: {each}" for field, each in fields.items())]
    # Some fields cannot be written as attributes (`if`).
    listed = (f'        "{field}": {each},' for field, each in fields.items())
    return [f"{name} = TypedDict(", f'    "{name}",', "    {", *listed, "    },", ")"]


def docstring(text: str, indent: str) -> list[str]:
    """Wrapped; nothing for nothing."""
    paragraphs = [" ".join(each.split()) for each in text.strip().split("\n\n") if each.strip()]
    if not paragraphs:
        return []
    if len(paragraphs) == 1 and len(paragraphs[0]) + len(indent) + 6 <= WIDTH:
        return [f'{indent}"""{paragraphs[0]}"""']
    lines: list[str] = []
    for paragraph in paragraphs:
        # Room for the closing quotes too: the formatter would join them with a line that is alone.
        lines += ["", *wrap(paragraph, WIDTH - len(indent) - 6, break_long_words=False, break_on_hyphens=False)]
    first, *others = lines[1:]
    return [f'{indent}"""{first}', *(f"{indent}{line}".rstrip() for line in others), f'{indent}"""']


def reached(schemas: Mapping[str, Schema], roots: Iterable[str]) -> list[str]:
    """Names of `roots` and all that they refer to, each after what it needs. The document's schemas do not recur."""
    found: dict[str, None] = {}

    def visit(name: str) -> None:
        if name not in found:
            for each in sorted(references(schemas[name])):
                visit(each.removeprefix(PREFIX))
            found[name] = None

    for root in roots:
        visit(root)
    return list(found)


def names_in(value: Any) -> set[str]:
    return {each.removeprefix(PREFIX) for each in references(value) if each.startswith(PREFIX)}
