"""From flags and files to the query and the body of a request; what cannot be read is refused by its flag."""

import json
import sys
from pathlib import Path
from typing import Any

from penstock.cli.refusal import refuse

Row = dict[str, Any]


def read_query(row: Row, values: Row) -> Row:
    """Arguments of the client's method."""
    given = _given(row["query"], values, "query")
    _require(row["query"], given)
    return {
        flag.get("argument", flag["field"]): given[flag["field"]] for flag in row["query"] if flag["field"] in given
    }


def read_body(row: Row, values: Row) -> Row:
    """The body of `--file`, and over it the flags."""
    wrapper = row.get("wrapper", "")
    body = _file(values["file"]) if values["file"] else {}
    inside = body.get(wrapper, {}) if wrapper else body
    if not isinstance(inside, dict):
        refuse(f"--file: {wrapper} must be an object")
    inside = {**inside, **_given(row["body"], values, "body")}
    _require(row["body"], inside)
    return {**body, wrapper: inside} if wrapper else inside


def _given(flags: list[Row], values: Row, place: str) -> Row:
    """Values by the names of the fields."""
    found = {}
    for flag in flags:
        value = values[f"{place}_{flag['flag']}"]
        if value is not None:
            found[flag["field"]] = _value(flag, value)
    return found


def _value(flag: Row, given: Any) -> Any:
    name, kind = f"--{flag['flag']}", flag["kind"]
    if (kind == "json" or flag.get("is_from_file")) and given.startswith("@"):
        given = _text(given[1:], name)
    return _decoded(given, name) if kind == "json" else given


def _require(flags: list[Row], given: Row) -> None:
    missing = [f"--{flag['flag']}" for flag in flags if flag.get("is_required") and flag["field"] not in given]
    if missing:
        refuse(f"{', '.join(missing)} {'is' if len(missing) == 1 else 'are'} required")


def _file(path: Path) -> Row:
    text = sys.stdin.read() if str(path) == "-" else _text(str(path), "--file")
    body = _decoded(text, "--file")
    if not isinstance(body, dict):
        refuse("--file must hold a JSON object")
    return body


def _text(path: str, name: str) -> str:
    try:
        return Path(path).read_text()
    except OSError as error:
        refuse(f"{name}: {path} cannot be read: {error.strerror}")
    except UnicodeDecodeError as error:
        refuse(f"{name}: {path} cannot be read: {error}")


def _decoded(text: str, name: str) -> Any:
    try:
        return json.loads(text)
    except ValueError as error:
        refuse(f"{name} is not JSON: {error}")
