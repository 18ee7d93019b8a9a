"""Schemas on the page: each has a place of its own, to which every use of its name leads."""

import json
from typing import Any

from penstock.api.reference.markup import escape, paragraphs, row, tag

Schema = dict[str, Any]
_PREFIX = "#/components/schemas/"
_BOUNDS = {
    "minLength": "at least {} long",
    "maxLength": "at most {} long",
    "minimum": "at least {}",
    "maximum": "at most {}",
    "exclusiveMinimum": "more than {}",
    "minItems": "at least {} items",
    "maxItems": "at most {} items",
    "pattern": "matches {}",
    "default": "else {}",
}


def type_of(schema: Schema) -> str:
    """As HTML, with links."""
    if "$ref" in schema:
        name = schema["$ref"].removeprefix(_PREFIX)
        return tag("a", escape(name), href=f"#schema-{name}")
    if "enum" in schema or "const" in schema:
        return " | ".join(tag("code", escape(json.dumps(each))) for each in schema.get("enum") or [schema["const"]])
    if "anyOf" in schema:
        return " | ".join(dict.fromkeys(map(type_of, schema["anyOf"])))
    if schema.get("type") == "array":
        return f"list of {type_of(schema.get('items', {}))}"
    if schema.get("type") == "object":
        values = schema.get("additionalProperties")
        return f"object of {type_of(values)}" if isinstance(values, dict) else "object"
    return escape(str(schema.get("type", "any value")))


def field_row(name: str, schema: Schema, *, is_required: bool) -> str:
    named = tag("code", escape(name)) + (tag("b", "required") if is_required else "")
    told = [told.format(_value(schema[bound])) for bound, told in _BOUNDS.items() if bound in schema]
    about = paragraphs(schema.get("description", "")) + (tag("p", "; ".join(told), class_="bounds") if told else "")
    return row(named, type_of(schema), about)


def fields_of(schema: Schema) -> str:
    required = schema.get("required", [])
    rows = (field_row(name, each, is_required=name in required) for name, each in schema.get("properties", {}).items())
    return tag("table", "".join(rows))


def section_of(name: str, schema: Schema) -> str:
    content = tag("h4", escape(name)) + paragraphs(schema.get("description", ""))
    content += fields_of(schema) if schema.get("properties") else tag("p", type_of(schema))
    return tag("section", content, id=f"schema-{name}", class_="schema")


def _value(value: Any) -> str:
    return tag("code", escape(value if isinstance(value, str) else json.dumps(value)))
