"""`penstock up` and `penstock run`: the only commands that reach into the processes."""

import asyncio
import os
import shlex
import shutil
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from penstock.cli.options import Data, effective
from penstock.cli.refusal import refuse
from penstock.kit.variables import unheeded

RunnableRole = Annotated[str, typer.Argument(help="control, edge, engine or warehousing", show_default=False)]
_FIRST_QUERY = "select id, event_text, user_id, received_at from my_first_source.tracks"


def up(
    data: Data = None,
    port: Annotated[int | None, typer.Option(help="Port; 0 picks a free one (PENSTOCK_PORT).")] = None,
    host: Annotated[str | None, typer.Option(help="Address to bind (PENSTOCK_HOST).")] = None,
    ready_file: Annotated[Path | None, typer.Option(help="Written when every part is ready.")] = None,
) -> None:
    """Start everything on this machine and run until Ctrl-C."""
    import penstock.processes  # noqa: F401 - before all that logs: it sees to a cheap start
    from penstock.infra.log import LogError
    from penstock.infra.telemetry import configure_logging
    from penstock.kit.settings import SettingsError
    from penstock.processes.data_directory import DataDirectoryError
    from penstock.processes.ports import PortTaken
    from penstock.processes.readiness import ReadyTimeout
    from penstock.processes.up import up as run_tree

    if sys.platform not in ("linux", "darwin"):
        refuse(
            f"Penstock runs on Linux (x86-64, arm64; glibc 2.28 or newer) and macOS 13 or newer, not on {sys.platform}"
        )
    settings, _ = effective({"data": data, "port": port, "host": host})
    _check_directory_of(ready_file)
    configure_logging("supervisor", settings.log_format)
    _warn_of_variables()
    if sys.stdout.isatty():
        sys.stdout.write("Penstock is starting …\n")
    try:
        asyncio.run(run_tree(settings, ready_file, lambda ready: _announce(ready, settings.data)))
    except (DataDirectoryError, LogError, PortTaken, ReadyTimeout, SettingsError) as error:
        refuse(error)
    except OSError as error:
        refuse(f"cannot run on {settings.data} and {settings.host}:{settings.port}: {error}")


def run(
    role: RunnableRole,
    data: Data = None,
    port: Annotated[int | None, typer.Option(help="Of edge or control; 0 picks a free one (PENSTOCK_PORT).")] = None,
    host: Annotated[str | None, typer.Option(help="Address that edge binds (PENSTOCK_HOST).")] = None,
    shard: Annotated[list[int] | None, typer.Option(help="A shard of this engine; may be repeated.")] = None,
    ready_file: Annotated[Path | None, typer.Option(help="Written when the role is ready.")] = None,
) -> None:
    """Start one role alone, on the log of PENSTOCK_NATS_URL or of the instance that runs on --data."""
    import penstock.processes  # noqa: F401 - before all that logs: it sees to a cheap start
    from penstock.infra.log import LogError
    from penstock.infra.telemetry import configure_logging
    from penstock.kit.settings import SettingsError
    from penstock.processes.alone import ROLES, RoleRefused, run_alone
    from penstock.processes.data_directory import DataDirectoryError
    from penstock.processes.ports import PortTaken

    if role not in ROLES:
        refuse(f"there is no role {role!r}; roles are {', '.join(ROLES)}")
    shards = None if shard is None else ",".join(map(str, shard))
    settings, _ = effective({"data": data, "port": port, "host": host, "engine_shards": shards})
    _check_directory_of(ready_file)
    configure_logging(role, settings.log_format)
    _warn_of_variables()
    try:
        run_alone(role, settings, ready_file)
    except (RoleRefused, PortTaken, DataDirectoryError, LogError, SettingsError) as error:
        refuse(error)
    except OSError as error:
        refuse(f"{role} cannot run on {settings.data} and {settings.host}:{settings.port}: {error}")


def _warn_of_variables() -> None:
    """In the log, where whoever sees that a setting has no effect looks."""
    import structlog

    for sentence in unheeded(os.environ):
        structlog.get_logger(__name__).warning("A variable of the environment is not heeded.", reason=sentence)


def _check_directory_of(ready_file: Path | None) -> None:
    if ready_file is not None and not ready_file.absolute().parent.is_dir():
        refuse(f"the ready file {ready_file} cannot be written: its directory does not exist")


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
