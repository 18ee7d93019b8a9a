"""Results as a table on a terminal, as JSON or CSV in a pipe."""

import csv
import json
import re
import sys
from collections.abc import Sequence
from itertools import zip_longest
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from rich.table import Table

Format = Literal["table", "json", "csv"]
_WORD = re.compile(r"[^\s,]+")
_LONGEST, _LONGEST_IN_PROSE = 36, 24
"""Characters of a message id, the longest of the identifiers; beside blanks stand addresses that are longer."""


def chosen_format(*, as_json: bool, as_csv: bool) -> Format:
    """The format asked for; else a table on a terminal and JSON elsewhere."""
    if as_json:
        return "json"
    if as_csv:
        return "csv"
    return "table" if sys.stdout.isatty() else "json"


def write_rows(columns: Sequence[str], rows: Sequence[Sequence[Any]], output: Format) -> None:
    """Rows as a list of objects (JSON), as lines with a header (CSV) or as a table."""
    if output == "json":
        write_json([dict(zip(columns, row, strict=True)) for row in rows])
    elif output == "csv":
        writer = csv.writer(sys.stdout, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows(rows)
    else:
        _write_table(columns, rows)


def write_json(value: Any) -> None:
    sys.stdout.write(json.dumps(value, ensure_ascii=False, default=str) + "\n")


def _write_table(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """As a table where the terminal has room for its words, else as records: a line for each field.

    An identifier that is cut cannot be copied, so words are broken where there is no other way, and nowhere else.
    """
    from rich.console import Console

    console = Console()
    cells = [["" if value is None else str(value) for value in row] for row in rows]
    telling = [place for place in range(len(columns)) if any(row[place] for row in cells)]
    for places in (list(range(len(columns))), telling):
        heads = [columns[place] for place in places]
        shown = [[row[place] for place in places] for row in cells]
        widths = _widths(list(zip(heads, *shown, strict=True)), console.width - 3 * len(heads) - 1)
        if widths or not cells:
            console.print(_table(heads, widths, shown))
            return
    for number, row in enumerate(cells):
        if number:
            console.print()
        console.print(_record(columns, row))


def _widths(columns: Sequence[Sequence[str]], room: int) -> list[int]:
    """How wide each column is, so that all are within the room and no identifier is broken; empty if that cannot be."""
    from rich.cells import cell_len

    words = [max((cell_len(word) for text in texts for word in _WORD.findall(text)), default=1) for texts in columns]
    natural = [max((cell_len(line) for text in texts for line in text.splitlines()), default=1) for texts in columns]
    is_prose = [any(" " in text for text in texts[1:]) for texts in columns]
    widths = [min(word, _LONGEST_IN_PROSE if prose else _LONGEST) for word, prose in zip(words, is_prose, strict=True)]
    spare = room - sum(widths)
    if spare < 0:
        return []
    by_need = sorted(range(len(widths)), key=lambda place: natural[place] - widths[place])
    for number, place in enumerate(by_need):  # who needs little gets all of it, the others share what is left
        more = max(0, min(natural[place] - widths[place], spare // (len(by_need) - number)))
        widths[place] += more
        spare -= more
    return widths


def _table(columns: Sequence[str], widths: Sequence[int], rows: Sequence[Sequence[str]]) -> "Table":
    from rich.markup import escape
    from rich.table import Column, Table

    heads = zip_longest(columns, widths)
    table = Table(*(Column(escape(name), overflow="fold", width=width) for name, width in heads))
    for row in rows:
        table.add_row(*map(escape, row))
    return table


def _record(columns: Sequence[str], row: Sequence[str]) -> "Table":
    """Fields without a value are left out: what is shown so has many."""
    from rich.markup import escape
    from rich.table import Column, Table

    names = Column(style="bold", no_wrap=True, min_width=max(map(len, columns), default=1))
    record = Table.grid(names, Column(overflow="fold"), padding=(0, 2))
    for name, value in zip(columns, row, strict=True):
        if value:
            record.add_row(escape(name), escape(value))
    return record
