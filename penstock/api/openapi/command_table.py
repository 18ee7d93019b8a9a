"""The table from which the command line makes `penstock sources list` and all its like: `commands.json`.

A tag is a group of commands, and an operation is a command: `listFiltersFromDestination` is `destination-filters list`.
What stands in the path is an argument. The fields of a body, and a query's, are flags.
"""

import re
from typing import Any

from penstock.api.openapi.components import PREFIX, Schema
from penstock.api.openapi.operations import Described, Document, by_tag, snake
from penstock.api.openapi.python_client import argument

Row = dict[str, Any]
_ALWAYS = {"json", "url", "token", "data", "help", "file"}
_WITH_PAGES = {"all", "count", "cursor"}
"""Flags that the command line has for itself."""
_CALLED = {
    "iam_users": ("user",),
    "iam_groups": ("user_group",),
    "iam_roles": ("role",),
    "audit_trail": ("audit_event",),
    "selective_sync": ("selective_sync",),
}
"""What a group's own things are called, where its name does not say it."""
_ALONE = {
    "getRegulationReceipt": "receipt",
    "listFunctionLogs": "logs",
    "getQuarantinedEvent": "show",
    "whatIf": "what-if",
}
"""A receipt is got and logs are listed: there is nothing else to do with one. What is called as its group is the whole
group."""
_COLUMNS = (
    "id",
    "name",
    "displayName",
    "slug",
    "title",
    "email",
    "key",
    "value",
    "type",
    "version",
    "status",
    "enabled",
    "eventName",
    "reason",
    "description",
)
"""Of what a list holds, what tells one from another comes first."""
_NO_COLUMNS = {"workspaceId", "writeKeys"}
"""What is the same in every row (a token sees one workspace), and what takes the room of three others."""
_COLUMN_LIMIT = 5
_FROM_FILES = {"code"}
"""Texts that nobody writes on a command line: their flags take `@FILE` too."""
_PLACES = ("pagination", "next")
"""What of an answer only says where the list goes on."""


def command_table(document: Document) -> list[Row]:
    schemas: dict[str, Schema] = document["components"]["schemas"]
    return [
        {"name": slug.replace("_", "-"), "tag": slug, "about": about, "commands": _commands(slug, operations, schemas)}
        for slug, _, about, operations in by_tag(document)
    ]


def _commands(slug: str, operations: list[Described], schemas: dict[str, Schema]) -> list[Row]:
    found: dict[str, Row] = {}
    for operation in operations:
        name = command_name(slug, operation.id)
        # Two that would be called alike: the later one keeps the whole name of its operation.
        unique = snake(operation.id).replace("_", "-") if name in found else name
        found[unique] = _command(unique, operation, schemas)
    return sorted(found.values(), key=lambda row: str(row["name"]))


def command_name(slug: str, operation_id: str) -> str:
    """The verb, and what is not said by the group already."""
    if operation_id in _ALONE:
        return _ALONE[operation_id]
    verb, _, rest = snake(operation_id).partition("_")
    words = slug.split("_")
    called = _CALLED.get(slug, (_singular(slug), _singular(words[-1])))
    owners = "|".join(re.escape(each) for each in (*called, _singular(words[0])))
    rest = re.sub(rf"(?:^|_)(?:from|to|for|in|with)_(?:{owners})s?$", "", rest)
    for phrase in called:
        rest, count = re.subn(rf"(?:^|_){re.escape(phrase)}s?(?=_|$)", "", rest, count=1)
        if count:
            break
    return "-".join(filter(None, [verb, *rest.split("_")]))


def _singular(name: str) -> str:
    return name.removesuffix("s")


def _command(name: str, operation: Described, schemas: dict[str, Schema]) -> Row:
    row: Row = {
        "name": name,
        "method": operation.function,
        "summary": operation.summary,
        "about": operation.description,
    }
    row["arguments"] = [argument(each) for each in operation.path_names]
    row["query"] = [
        _flag(each, schema, is_required=each in operation.required_query, schemas=schemas)
        for each, schema in operation.query.items()
    ]
    if operation.is_paged:
        row["is_paged"] = True
    if operation.body:
        row |= _body(schemas[operation.body], schemas)
    taken = _ALWAYS | _WITH_PAGES if operation.is_paged else _ALWAYS
    for flag in (*row["query"], *row.get("body", [])):
        if flag["flag"] in taken:
            flag["flag"] += "-value"
    return row | _shown(schemas[operation.answer], schemas)


def _body(schema: Schema, schemas: dict[str, Schema]) -> Row:
    """The flags of a body. One that only wraps another (`{"input": {…}}`) shows what is inside."""
    properties: dict[str, Schema] = schema["properties"]
    required = schema.get("required", [])
    row: Row = {}
    if len(properties) == 1:
        (wrapper, wrapped) = next(iter(properties.items()))
        inside = _resolved(wrapped, schemas)
        if inside.get("properties"):
            row["wrapper"] = wrapper
            properties, required = inside["properties"], inside.get("required", [])
    row["body"] = [
        _flag(name, each, is_required=name in required, schemas=schemas) for name, each in properties.items()
    ]
    return row


def _flag(name: str, schema: Schema, *, is_required: bool, schemas: dict[str, Schema]) -> Row:
    """`kind` is how the text of the flag is read."""
    schema = _resolved(schema, schemas)
    choices = schema.get("enum") or ([schema["const"]] if "const" in schema else [])
    row: Row = {"field": name, "flag": snake(name).replace("_", "-"), "kind": _kind(schema, schemas)}
    if argument(name) != name:
        row["argument"] = argument(name)
    if row["kind"] == "texts":
        choices = _resolved(schema["items"], schemas).get("enum", [])
    if choices:
        row["choices"] = choices
    if name in _FROM_FILES:
        row["is_from_file"] = True
    if is_required:
        row["is_required"] = True
    if "description" in schema:
        row["about"] = schema["description"]
    return row


def _kind(schema: Schema, schemas: dict[str, Schema]) -> str:
    kind = schema.get("type")
    if kind == "array" and _resolved(schema.get("items", {}), schemas).get("type") == "string":
        return "texts"
    plain = {"string": "text", "integer": "integer", "number": "number", "boolean": "boolean"}
    return plain.get(str(kind), "json")


def _resolved(schema: Schema, schemas: dict[str, Schema]) -> Schema:
    """What it refers to, and what it is where it is not null."""
    options = [each for each in schema.get("anyOf", []) if each.get("type") != "null"]
    if len(options) == 1:
        schema = options[0]
    if "$ref" in schema:
        return _resolved(schemas[schema["$ref"].removeprefix(PREFIX)], schemas)
    return schema


def _shown(answer: Schema, schemas: dict[str, Schema]) -> Row:
    """Which field of the answer is worth showing, and as which columns."""
    properties = {name: each for name, each in answer.get("properties", {}).items() if name not in _PLACES}
    if len(properties) != 1:
        return {}
    ((name, schema),) = properties.items()
    listed = _resolved(schema, schemas)
    if listed.get("type") != "array":
        return {"shows": name} if listed.get("properties") else {}
    item = _resolved(listed["items"], schemas).get("properties", {})
    plain = [each for each, told in item.items() if _kind(_resolved(told, schemas), schemas) != "json"]
    telling = [each for each in _COLUMNS if each in item]
    others = [each for each in plain if each not in telling and each not in _NO_COLUMNS]
    return {"shows": name, "columns": [*telling, *others][:_COLUMN_LIMIT]}
