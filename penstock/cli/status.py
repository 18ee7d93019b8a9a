"""`penstock status`: every role with its state, lag, counts and disk; the exit status says healthy or not."""

from typing import Annotated, Any

import typer

from penstock.cli.options import Data, data_directory
from penstock.cli.output import chosen_format, write_json, write_rows
from penstock.cli.refusal import refuse
from penstock.client.local import LocalClient, LocalError


def status(
    data: Data = None,
    as_json: Annotated[bool, typer.Option("--json", help="JSON, also on a terminal.")] = False,
) -> None:
    """Show every role. Exit status 0: all healthy; 1: not running, or a role is not ready."""
    try:
        answer = LocalClient(data_directory(data)).get("/penstock/status")
    except LocalError as error:
        refuse(error)
    if chosen_format(as_json=as_json, as_csv=False) == "json":
        write_json(answer)
    else:
        _write(answer)
    if not answer["healthy"]:
        raise typer.Exit(1)


def _write(answer: dict[str, Any]) -> None:
    rows = [
        (role["role"], role["state"], "; ".join(role["reasons"]), _pairs(role["lag"]), _pairs(role["counts"]))
        for role in answer["roles"]
    ]
    write_rows(("role", "state", "reasons", "lag", "counts"), rows, "table")
    disk = answer.get("disk")
    if disk:
        write_rows(("store", "bytes"), sorted(disk.items()), "table")


def _pairs(values: dict[str, Any]) -> str:
    return " ".join(f"{name}={value}" for name, value in values.items())
