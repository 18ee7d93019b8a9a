"""`penstock up` and `penstock run`: the only commands that reach into the processes."""

import asyncio
import importlib
import shlex
import shutil
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from penstock.cli.options import Data, effective
from penstock.cli.refusal import refuse

RunnableRole = Annotated[str, typer.Argument(help="control, edge, engine or warehousing", show_default=False)]
_FIRST_QUERY = "select id, event_text, user_id, received_at from my_first_source.tracks"
_ROLES = ("control", "edge", "engine", "warehousing")


def up(
    data: Data = None,
    port: Annotated[int | None, typer.Option(help="Port; 0 picks a free one (PENSTOCK_PORT).")] = None,
    host: Annotated[str | None, typer.Option(help="Address to bind (PENSTOCK_HOST).")] = None,
    ready_file: Annotated[Path | None, typer.Option(help="Written when every part is ready.")] = None,
) -> None:
    """Start everything on this machine and run until Ctrl-C."""
    from penstock.infra.telemetry import configure_logging
    from penstock.processes.data_directory import DataDirectoryError
    from penstock.processes.ports import PortTaken
    from penstock.processes.readiness import ReadyTimeout
    from penstock.processes.up import up as run_tree

    if sys.platform not in ("linux", "darwin"):
        refuse(
            f"Penstock runs on Linux (x86-64, arm64; glibc 2.28 or newer) and macOS 13 or newer, not on {sys.platform}"
        )
    settings, _ = effective({"data": data, "port": port, "host": host})
    if ready_file is not None and not ready_file.absolute().parent.is_dir():
        refuse(f"the ready file {ready_file} cannot be written: its directory does not exist")
    configure_logging("supervisor", settings.log_format)
    if sys.stdout.isatty():
        sys.stdout.write("Penstock is starting …\n")
    try:
        asyncio.run(run_tree(settings, ready_file, lambda ready: _announce(ready, settings.data)))
    except (DataDirectoryError, PortTaken, ReadyTimeout) as error:
        refuse(error)
    except OSError as error:
        refuse(f"cannot run on {settings.data} and {settings.host}:{settings.port}: {error}")


def run(role: RunnableRole) -> None:
    """Start one role alone; its settings come from the environment (PENSTOCK_NATS_URL, …)."""
    if role not in _ROLES:
        refuse(f"there is no role {role!r}; roles are {', '.join(_ROLES)}")
    importlib.import_module(f"penstock.processes.{role}").main()


def _announce(ready: Any, data: str) -> None:
    """What a newcomer pastes next. Standard output is flushed: a script may read it from a pipe."""
    flag = "" if data == "penstock-data" else f" --data {shlex.quote(data)}"
    command = "penstock" if shutil.which("penstock") else shlex.quote(sys.argv[0])
    sys.stdout.write(
        f"""
Penstock is ready at {ready.url}

  Public API token  {ready.token}
  Write key         {ready.write_key}

Send an event:
  curl {ready.url}/v1/track -u {ready.write_key}: -H 'Content-Type: application/json' \\
    -d '{{"userId": "u1", "event": "Hello Penstock", "properties": {{"plan": "pro"}}}}'
List the sources:
  curl {ready.url}/sources -H 'Authorization: Bearer {ready.token}'
See the event in the warehouse:
  {command} sync{flag} && {command} sql{flag} '{_FIRST_QUERY}'

Ctrl-C stops it.
"""
    )
    sys.stdout.flush()
