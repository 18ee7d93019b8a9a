"""Results as a table on a terminal, as JSON or CSV in a pipe."""

import csv
import json
import sys
from collections.abc import Sequence
from typing import Any, Literal

Format = Literal["table", "json", "csv"]


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
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    table = Table(*(escape(column) for column in columns))
    for row in rows:
        table.add_row(*("" if value is None else escape(str(value)) for value in row))
    Console().print(table)
