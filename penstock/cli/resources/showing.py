"""What an operation has answered: a table on a terminal, JSON in a pipe, and of a list one item per line."""

import json
import sys
from collections.abc import Callable, Iterator
from typing import Any

from penstock.cli.output import chosen_format, write_json, write_rows

Row = dict[str, Any]


def show(row: Row, answer: Row, *, as_json: bool) -> None:
    """One thing, or a list that has no pages."""
    found: Any = answer.get(row["shows"]) if "shows" in row else answer
    if "columns" in row:
        _write_list(row, iter([found or []]), as_json=as_json)
        if answer.get("next"):
            sys.stderr.write(f"penstock: there is more; --after {answer['next']} shows what follows\n")
    elif chosen_format(as_json=as_json, as_csv=False) == "json" or not isinstance(found, dict):
        write_json(found)
    else:
        is_one = "shows" in row
        _write_thing({name: _named(value) for name, value in found.items()} if is_one else dict(_unfolded(found)))


def _write_thing(found: Row) -> None:
    """A table of its fields, and one of each list of things that it holds."""
    lists = {name: value for name, value in found.items() if _is_of_things(value)}
    fields = [(name, _cell(value)) for name, value in found.items() if name not in lists]
    if fields:
        write_rows(("field", "value"), fields, "table")
    for things in lists.values():
        columns = [name for name in things[0] if all(_is_short(each.get(name)) for each in things)]
        write_rows(columns, [[_cell(each.get(column)) for column in columns] for each in things], "table")


def _unfolded(answer: Row) -> Iterator[tuple[str, Any]]:
    """The fields of an answer, those of something that holds lists of things in its place."""
    for name, value in answer.items():
        if isinstance(value, dict) and any(map(_is_of_things, value.values())):
            yield from value.items()
        else:
            yield name, value


def _named(value: Any) -> Any:
    """Of a thing within a thing, such as an entry of the catalog, name and id: all of it fills pages (`--json`)."""
    if isinstance(value, dict) and not _is_short(value) and value.get("id") and value.get("name"):
        return f"{value['name']} ({value['id']})"
    return value


def _is_of_things(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(each, dict) for each in value)


def _is_short(value: Any) -> bool:
    """Whether a cell can hold it so that it can be read."""
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return not any(isinstance(each, dict | list) for each in inner)


def show_pages(row: Row, page: Callable[[str], Row], cursor: str, *, is_all: bool, as_json: bool) -> None:
    """A list from this cursor on: its page, or all that follow."""
    following = cursor
    total = shown = 0

    def pages() -> Iterator[list[Any]]:
        nonlocal following, total, shown
        while True:
            answer = page(following)
            found = answer[row["shows"]]
            total, following = answer["pagination"].get("totalEntries", 0), answer["pagination"].get("next", "")
            shown += len(found)
            yield found
            if not following or not is_all:
                return

    _write_list(row, pages(), as_json=as_json)
    if following:
        sys.stderr.write(f"penstock: {shown} of {total} are shown; --all shows all, --cursor {following} the next\n")


def _write_list(row: Row, pages: Iterator[list[Any]], *, as_json: bool) -> None:
    if chosen_format(as_json=as_json, as_csv=False) == "json":
        _write_array(item for page in pages for item in page)
        return
    columns = row["columns"] or [row["shows"]]
    items = [item if isinstance(item, dict) else {columns[0]: item} for page in pages for item in page]
    write_rows(columns, [[_cell(item.get(column)) for column in columns] for item in items], "table")


def _write_array(items: Iterator[Any]) -> None:
    """A JSON array as it comes, so that a list of any length is never held whole; nothing where the first fails."""
    first = next(items, None)
    if first is None:
        write_json([])
        return
    sys.stdout.write(f"[\n{json.dumps(first, ensure_ascii=False)}")
    for item in items:
        sys.stdout.write(f",\n{json.dumps(item, ensure_ascii=False)}")
    sys.stdout.write("\n]\n")


def _cell(value: Any) -> Any:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return json.dumps(value, ensure_ascii=False) if isinstance(value, dict | list) else value
