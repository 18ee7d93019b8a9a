"""`penstock sync` and `penstock sql`: the embedded warehouse, from beside a running instance."""

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from penstock.cli.options import Data, effective
from penstock.cli.output import Format, chosen_format, write_json, write_rows
from penstock.cli.refusal import refuse
from penstock.client.local import LocalClient, LocalError, NotRunning
from penstock.client.run_record import read_run_record

_SYNC_SECONDS = 300.0


def sync(data: Data = None) -> None:
    """Load everything accepted until now into the warehouses, and wait for it."""
    directory = Path(effective({"data": data})[0].data)
    try:
        report = LocalClient(directory).post("/penstock/sync", {}, _SYNC_SECONDS)
    except LocalError as error:
        refuse(error)
    if report["errors"]:
        refuse("; ".join(f"warehouse {identifier}: {text}" for identifier, text in report["errors"].items()))
    if sys.stdout.isatty():
        sys.stdout.write(f"Loaded {report['rows']} rows of {report['events']} events.\n")
    else:
        write_json(report)


def sql(
    statement: Annotated[str, typer.Argument(help="One statement that reads.")],
    data: Data = None,
    as_json: Annotated[bool, typer.Option("--json", help="JSON: a list of objects.")] = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="CSV with a header.")] = False,
) -> None:
    """Query the embedded warehouse; reads only, bounded in rows, time and memory."""
    settings, _ = effective({"data": data})
    output = chosen_format(as_json=as_json, as_csv=as_csv)
    directory = Path(settings.data)
    if read_run_record(directory) is None:
        _write(_from_file(directory, statement, settings), output)
        return
    body = {"statement": statement, "rowLimit": settings.sql_rows, "secondsLimit": settings.sql_seconds}
    try:
        answer = LocalClient(directory).post("/penstock/sql", body, settings.sql_seconds + 10)
    except NotRunning:
        # Killed, not stopped: its record is still there, and the file is free.
        answer = _from_file(directory, statement, settings)
    except LocalError as error:
        refuse(error)
    _write(answer, output)


def _from_file(directory: Path, statement: str, settings: Any) -> dict[str, Any]:
    """Ask the file itself, where no instance runs."""
    import msgspec

    from penstock.catalog.warehouses.duckdb import QueryLimits, query_file

    file = directory / "warehouse" / "penstock.duckdb"
    if not file.exists():
        refuse(f"there is no warehouse in {directory} yet")
    limits = QueryLimits(settings.sql_rows, settings.sql_seconds, settings.sql_megabytes)
    answer: dict[str, Any] = msgspec.to_builtins(query_file(file, statement, limits))
    return answer


def _write(answer: dict[str, Any], output: Format) -> None:
    if answer["error"]:
        refuse(answer["error"])
    write_rows(answer["columns"], answer["rows"], output)
    if answer["is_truncated"]:
        sys.stderr.write(f"penstock: only the first {len(answer['rows'])} rows are shown\n")
