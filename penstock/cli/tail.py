"""`penstock tail`: events as they pass, a line for each step; it goes on when a part of Penstock starts again."""

import json
import sys
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Annotated, Any, Protocol
from urllib.parse import urlencode

import typer

from penstock.cli.options import Data, data_directory
from penstock.cli.output import chosen_format
from penstock.cli.refusal import refuse
from penstock.client.local import LocalClient, LocalError, NotRunning
from penstock.client.run_record import read_run_record
from penstock.kit.backoff import backoff

_SILENCE_SECONDS = 45.0
"""Three heartbeats of the server."""


class Shown(Protocol):
    """Where lines go, and what is said about them."""

    def line(self, line: dict[str, Any], /) -> None: ...

    def notice(self, text: str, /) -> None: ...


class JsonLines:
    """Lines on standard output, one object each; what is said about them on standard error."""

    def line(self, line: dict[str, Any]) -> None:
        sys.stdout.write(json.dumps(line, ensure_ascii=False) + "\n")
        sys.stdout.flush()

    def notice(self, text: str) -> None:
        sys.stderr.write(f"penstock: {text}\n")


def tail(
    source: Annotated[str, typer.Option(help="Only this source: its slug or id.")] = "",
    event: Annotated[str, typer.Option(help="Only events of this name or type.")] = "",
    user: Annotated[str, typer.Option(help="Only events of this user id or anonymous id.")] = "",
    outcome: Annotated[str, typer.Option(help="Only steps that end so: delivered, failed_delivery, …")] = "",
    logs: Annotated[bool, typer.Option("--logs", help="Also what functions print.")] = False,
    limit: Annotated[
        int | None, typer.Option("--limit", "--count", "-n", min=1, help="End after so many lines.")
    ] = None,
    data: Data = None,
    as_json: Annotated[bool, typer.Option("--json", help="JSON lines, also on a terminal.")] = False,
) -> None:
    """Show events as they pass, with the outcome of each step. Ctrl-C ends it."""
    wanted = {"source": source, "event": event, "user": user, "outcome": outcome, "logs": "true" if logs else ""}
    path = "/penstock/tail?" + urlencode({name: value for name, value in wanted.items() if value})
    shown = _shown(as_json=as_json)
    try:
        for line in islice(_lines(data_directory(data), path, shown), limit):
            shown.line(line)
    except KeyboardInterrupt:  # whoever watches has seen enough
        return
    except LocalError as error:
        refuse(error)


def _shown(*, as_json: bool) -> Shown:
    if chosen_format(as_json=as_json, as_csv=False) == "json":
        return JsonLines()
    from penstock.cli.tail_line import TerminalLines

    return TerminalLines()


def _lines(directory: Path, path: str, shown: Shown) -> Iterator[dict[str, Any]]:
    """Lines across restarts, for as long as an instance stands on the directory. Raises LocalError."""
    waits = backoff(0.2, 2.0)
    is_known = False
    while True:
        try:
            for name, told in LocalClient(directory).events(path, _SILENCE_SECONDS):
                is_known, waits = True, backoff(0.2, 2.0)
                if name == "line":
                    yield told
                else:
                    shown.notice(_sentence(name, told))
        except NotRunning as error:
            if not is_known or read_run_record(directory) is None:
                raise
            shown.notice(f"{error}; trying again")
        time.sleep(next(waits))


def _sentence(name: str, told: dict[str, Any]) -> str:
    if name == "watching":
        processes = told["processes"]
        return (
            f"watching {processes} process{'' if processes == 1 else 'es'}" if processes else "waiting for the engine"
        )
    if name == "lost":
        return f"{told['count']} lines are left out: more pass than can be shown"
    return str(told.get("message", name))
