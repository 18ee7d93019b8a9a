"""The command line's entry: assembles the commands and turns known errors into one line and exit status."""

import sys

import typer

from penstock.cli import config, start, status, warehouse

app = typer.Typer(
    name="penstock",
    help="A self-hosted customer data platform that speaks Segment's protocols.",
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
)
app.command("up")(start.up)
app.command("run")(start.run)
app.command("config")(config.config)
app.command("status")(status.status)
app.command("sync")(warehouse.sync)
app.command("sql")(warehouse.sql)


def main() -> None:
    """Run one command. Errors that a user can mend are one line on standard error and status 1."""
    try:
        app()
    except KeyboardInterrupt:
        sys.exit(130)
