"""`penstock secrets rotate`: a new installation key, while everything runs."""

import sys

import typer

from penstock.cli.options import Data, data_directory
from penstock.cli.output import write_json
from penstock.cli.refusal import refuse
from penstock.client.local import LocalClient, LocalError

_SECONDS = 600.0
secrets = typer.Typer(help="The key that seals secrets at rest.", no_args_is_help=True)


@secrets.callback()
def _only_by_name() -> None:
    """Without it Typer would make the one command the group itself."""


@secrets.command("rotate")
def rotate(data: Data = None) -> None:
    """Make a new key, seal every secret with it, and publish anew what holds some. Nothing has to stop.

    Where the key is PENSTOCK_SECRET_KEY, set the new one and the former one as PENSTOCK_SECRET_KEY_PREVIOUS for every
    role, start them again, then rotate; the former one can go afterwards.
    """
    try:
        rotated = LocalClient(data_directory(data)).post("/penstock/secrets/rotate", {}, _SECONDS)
    except LocalError as error:
        refuse(error)
    if sys.stdout.isatty():
        typer.echo(
            f"Sealed with the new key: {rotated['secrets']} secrets; published: {rotated['published']} snapshots."
        )
    else:
        write_json(rotated)
