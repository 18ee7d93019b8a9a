"""A plan's rules as a table (CSV), for people who plan in a spreadsheet: nothing is lost on the way there and back.

A rule is a line without a property, and a line for each property or trait that it declares. What a line's columns
cannot say of a schema stands as JSON in its last column. Cells that a spreadsheet would take for a formula begin with
an apostrophe, as do those that begin with one.

Errors:
    SheetError    a line cannot be read; the message names line and column
"""

import csv
import io
import json
from collections.abc import Iterable, Iterator
from typing import Any

from penstock.cli.plans.shape import TRAITS, Rule

COLUMNS = (
    "Type",
    "Name",
    "Version",
    "Property",
    "Required",
    "Data Type",
    "Allowed Values",
    "Description",
    "Schema",
)
_PERMITTED = "Permitted Values"
_ALIASES = {"Status": "Required"}
_DATE_TIME = "date time"
"""Words of the original's editor that are read as well (protocols.md §2)."""
KINDS = ("COMMON", "TRACK", "IDENTIFY", "GROUP", "PAGE", "SCREEN")
SIZE_LIMIT = 15 << 20
LINES_LIMIT = 100_000
RULES_LIMIT = 2_000
"""Bytes, lines and rules of one file (protocols.md §1.2)."""
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "'")
_JSON_TYPES = frozenset({"string", "number", "integer", "boolean", "null", "object", "array"})
_Line = dict[str, str]


class SheetError(Exception):
    """A line cannot be read."""


def write_sheet(rules: Iterable[Rule]) -> str:
    """The text of the file."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    for rule in rules:
        for line in _lines(rule):
            writer.writerow([_guarded(line.get(column, "")) for column in COLUMNS])
    return out.getvalue()


def _lines(rule: Rule) -> Iterator[_Line]:
    named = {"Type": rule["type"], "Name": rule.get("key") or "", "Version": str(rule["version"])}
    rest, properties = _taken_apart(rule["type"], rule["jsonSchema"])
    described = rest.pop("description") if isinstance(rest.get("description"), str) else None
    yield {**named, **_described(described), "Schema": _json(rest)}
    for name, (schema, is_required) in properties.items():
        yield {**named, "Property": _quoted(name), **_columns(schema, is_required)}


def _taken_apart(kind: str, schema: dict[str, Any]) -> tuple[dict[str, Any], dict[str, tuple[Any, bool]]]:
    """What is left of a schema without the properties that it declares, and these; nothing is taken from odd ones."""
    holder = "traits" if kind in TRAITS else "properties"
    rest = json.loads(json.dumps(schema))
    outer = rest.get("properties")
    held = outer.get(holder) if isinstance(outer, dict) else None
    if kind == "COMMON" or not isinstance(held, dict):
        return rest, {}
    declared = held.get("properties")
    if not isinstance(declared, dict) or not declared:
        return rest, {}
    required = held.get("required", [])
    is_plain = isinstance(required, list) and all(isinstance(name, str) for name in required)
    # In the order of the properties: whatever order it had says the same. Who is required undeclared stays behind.
    wanted = set(required) if is_plain else set()
    if is_plain and "required" in held:
        left = [name for name in required if name not in declared]
        if left or not required:
            held["required"] = left
        else:
            del held["required"]  # the lines of the properties say it all
    del held["properties"]
    return rest, {name: (each, name in wanted) for name, each in declared.items()}


def _columns(schema: Any, is_required: bool) -> _Line:
    line = {"Required": "yes" if is_required else "no"}
    if not isinstance(schema, dict):
        return {**line, "Schema": json.dumps(schema)}
    rest = dict(schema)
    kinds = rest.get("type")
    if isinstance(kinds, str) and kinds in _JSON_TYPES:
        line["Data Type"] = rest.pop("type")
    elif isinstance(kinds, list) and len(kinds) > 1 and all(kind in _JSON_TYPES for kind in kinds):
        line["Data Type"] = "|".join(rest.pop("type"))
    if isinstance(rest.get("enum"), list):
        line["Allowed Values"] = json.dumps(rest.pop("enum"), ensure_ascii=False)
    described = rest.pop("description") if isinstance(rest.get("description"), str) else None
    return {**line, **_described(described), "Schema": _json(rest)}


def _described(text: str | None) -> _Line:
    return {} if text is None else {"Description": _quoted(text)}


def _json(schema: dict[str, Any]) -> str:
    return json.dumps(schema, ensure_ascii=False) if schema else ""


def _quoted(text: str) -> str:
    """Text as a cell holds it: as JSON where it is empty, for an empty cell is none, or begins like JSON."""
    return json.dumps(text, ensure_ascii=False) if not text or text.startswith('"') else text


def _guarded(cell: str) -> str:
    return f"'{cell}" if cell.startswith(_FORMULA) else cell


def read_sheet(text: str) -> list[Rule]:
    """The rules of a file, in the order of their first lines. Raises SheetError."""
    if len(text.encode(errors="surrogatepass")) > SIZE_LIMIT:
        raise SheetError(f"the file is larger than {SIZE_LIMIT >> 20} MB")
    csv.field_size_limit(SIZE_LIMIT)
    found: dict[tuple[str, str, int], Rule] = {}
    for number, line in _read_lines(text):
        rule = _rule(number, line)
        known = found.setdefault((rule["type"], rule["key"], rule["version"]), rule)
        if line["Property"]:
            _add_property(number, known, line)
        elif known is rule:
            rule["jsonSchema"] = _whole(number, line)
        else:
            raise SheetError(f"line {number}: the rule stands in an earlier line already")
        if len(found) > RULES_LIMIT:
            raise SheetError(f"line {number}: a plan takes at most {RULES_LIMIT} rules")
    return list(found.values())


def _read_lines(text: str) -> Iterator[tuple[int, _Line]]:
    reader = csv.reader(io.StringIO(text.removeprefix("\ufeff"), newline=""), strict=True)
    try:
        header = [_ALIASES.get(column, column) for column in next(reader, [])]
        if missing := [column for column in ("Type", "Name", "Property") if column not in header]:
            raise SheetError(f"line 1: the column {missing[0]!r} is missing")
        for cells in reader:
            if reader.line_num > LINES_LIMIT:
                raise SheetError(f"the file has more than {LINES_LIMIT} lines")
            if any(cells):
                line = dict.fromkeys((*COLUMNS, _PERMITTED), "") | dict(
                    zip(header, map(_unguarded, cells), strict=False)
                )
                yield reader.line_num, line
    except csv.Error as error:
        raise SheetError(f"line {reader.line_num}: {error}") from error


def _unguarded(cell: str) -> str:
    return cell[1:] if cell.startswith("'") and cell[1:].startswith(_FORMULA) else cell


def _rule(number: int, line: _Line) -> Rule:
    if (kind := line["Type"].strip().upper()) not in KINDS:
        raise SheetError(f"line {number}, column Type: {line['Type']!r} is none of {', '.join(KINDS)}")
    version = line["Version"].strip() or "1"
    if not version.isascii() or not version.isdigit() or not 1 <= int(version) < 10**9:
        raise SheetError(f"line {number}, column Version: {version!r} is not a whole number from 1 on")
    if kind == "TRACK" and not line["Name"]:
        raise SheetError(f"line {number}, column Name: a TRACK rule is for an event, which is missing")
    return {"type": kind, "key": line["Name"], "version": int(version), "jsonSchema": {}}


def _whole(number: int, line: _Line) -> dict[str, Any]:
    return {**_parsed(number, "Schema", line["Schema"], dict, {}), **_description(number, line)}


def _add_property(number: int, rule: Rule, line: _Line) -> None:
    schema = _parsed(number, "Schema", line["Schema"], (dict, bool), {})
    if isinstance(schema, dict):
        schema |= _data_type(number, line) | _allowed(number, line) | _description(number, line)
    name = _unquoted(number, "Property", line)
    held = _held(number, rule)
    if name in held.setdefault("properties", {}):
        raise SheetError(f"line {number}, column Property: {name!r} stands in an earlier line already")
    held["properties"][name] = schema
    match line["Required"].strip().lower():
        case "yes" | "true" | "required" | "1":
            held["required"] = [*held.get("required", []), name]
        case "" | "no" | "false" | "optional" | "0":
            pass
        case other:
            raise SheetError(f"line {number}, column Required: {other!r} is neither yes nor no")


def _held(number: int, rule: Rule) -> dict[str, Any]:
    """The schema of a rule's properties or traits, made where there is none."""
    if rule["type"] == "COMMON":
        raise SheetError(f"line {number}, column Property: a COMMON rule is written as a schema")
    holder = "traits" if rule["type"] in TRAITS else "properties"
    outer = rule["jsonSchema"].setdefault("properties", {})
    held = outer.setdefault(holder, {}) if isinstance(outer, dict) else None
    if not isinstance(held, dict):
        raise SheetError(f"line {number}, column Property: the rule's schema has no place for properties")
    return held


def _data_type(number: int, line: _Line) -> dict[str, Any]:
    kinds = [kind.strip().lower() for kind in line["Data Type"].split("|") if kind.strip()]
    if kinds == [_DATE_TIME]:
        return {"type": "string", "format": "date-time"}
    if kinds == ["any"]:
        return {}
    if unknown := [kind for kind in kinds if kind not in _JSON_TYPES]:
        raise SheetError(f"line {number}, column Data Type: {unknown[0]!r} is none of {', '.join(sorted(_JSON_TYPES))}")
    return {"type": kinds[0] if len(kinds) == 1 else kinds} if kinds else {}


def _allowed(number: int, line: _Line) -> dict[str, Any]:
    """A JSON array, or strings with commas between them; what the original calls permitted is a pattern."""
    text = line["Allowed Values"].strip()
    if not text:
        return {"pattern": line[_PERMITTED]} if line[_PERMITTED] else {}
    if text.startswith("["):
        return {"enum": _parsed(number, "Allowed Values", text, list, [])}
    return {"enum": [each.strip() for each in text.split(",")]}


def _description(number: int, line: _Line) -> dict[str, Any]:
    return {"description": _unquoted(number, "Description", line)} if line["Description"] else {}


def _unquoted(number: int, column: str, line: _Line) -> str:
    text = line[column]
    return str(_parsed(number, column, text, str, "")) if text.startswith('"') else text


def _parsed(number: int, column: str, text: str, wanted: Any, otherwise: Any) -> Any:
    if not text:
        return otherwise
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise SheetError(f"line {number}, column {column}: not JSON: {error}") from error
    if not isinstance(found, wanted):
        raise SheetError(f"line {number}, column {column}: not what stands here")
    return found
