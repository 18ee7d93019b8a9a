"""The table of the resource commands, as `make docs` writes it from the OpenAPI document."""

import json
from functools import cache
from pathlib import Path
from typing import Any

Row = dict[str, Any]
_FILE = Path(__file__).parent / "commands.json"


@cache
def groups() -> dict[str, Row]:
    """A group for each tag, by name; its `commands` are rows by name."""
    found: dict[str, Row] = {row["name"]: row for row in json.loads(_FILE.read_bytes())}
    for group in found.values():
        group["commands"] = {row["name"]: {**row, "tag": group["tag"]} for row in group["commands"]}
    return found


def find_command(words: list[str]) -> tuple[int, Row] | None:
    """How many of `words` name a command (a group and one in it, or a group that is a command itself), and its row."""
    group = groups().get(words[0]) if words else None
    if group is None:
        return None
    itself = only_command(group)
    if itself is not None:
        return 1, itself
    row: Row | None = group["commands"].get(words[1]) if len(words) > 1 else None
    return None if row is None else (2, row)


def only_command(group: Row) -> Row | None:
    """That which is called as its group: `penstock what-if`."""
    row: Row | None = group["commands"].get(group["name"])
    return row


def flags_of(row: Row) -> list[Row]:
    """Of the query and the body."""
    return [*row["query"], *row.get("body", [])]
