"""All commands in one Typer application: those written by hand, and groups that the table of resources fills."""

from typing import Annotated, Any

import typer
from typer.core import CompletionItem, TyperCommand, TyperGroup  # type: ignore[attr-defined]
from typer.main import get_command

from penstock import __version__
from penstock.cli import access, config, secrets, start, status, tail, trial, warehouse
from penstock.cli.plans import plan
from penstock.cli.resources import groups, run_command
from penstock.cli.resources.table import Row, flags_of, only_command

_BESIDE = {"functions": {"test": get_command(trial.trial)}}
"""Commands written by hand in groups of the table."""


class _Resource(TyperCommand):
    """A command of the table. It parses its words itself; Typer lists and completes it."""

    def __init__(self, row: Row) -> None:
        super().__init__(row["name"], help=row["about"], short_help=row["summary"], add_help_option=False)
        self._row = row

    def parse_args(self, context: Any, words: list[str]) -> list[str]:
        context.args = words
        return words

    def invoke(self, context: Any) -> None:
        run_command(context.command_path, self._row, context.args)

    def shell_complete(self, _: Any, incomplete: str) -> list[CompletionItem]:
        flags = {f"--{flag['flag']}": flag.get("about") for flag in flags_of(self._row)}
        return [CompletionItem(name, help=about) for name, about in flags.items() if name.startswith(incomplete)]


class _ResourceGroup(TyperGroup):
    """The commands of one tag."""

    def __init__(self, row: Row) -> None:
        super().__init__(name=row["name"], help=row["about"], no_args_is_help=True)
        self.commands = {name: _Resource(each) for name, each in row["commands"].items()}
        self.commands |= _BESIDE.get(row["name"], {})


class _Commands(TyperGroup):
    """The hand-written commands come first."""

    def list_commands(self, context: Any) -> list[str]:
        return [*super().list_commands(context), *groups()]

    def get_command(self, context: Any, name: str) -> Any:
        found = super().get_command(context, name)
        if found is not None or name not in groups():
            return found
        itself = only_command(groups()[name])
        return _ResourceGroup(groups()[name]) if itself is None else _Resource(itself)


app = typer.Typer(
    name="penstock",
    help="A self-hosted customer data platform that speaks Segment's protocols.",
    cls=_Commands,
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
)


def _tell_version(is_asked: bool) -> None:
    if is_asked:
        typer.echo(f"penstock {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    _: Annotated[
        bool, typer.Option("--version", callback=_tell_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """What stands before a command."""


app.command("up")(start.up)
app.command("run")(start.run)
app.command("config")(config.config)
app.command("status")(status.status)
app.command("tail")(tail.tail)
app.command("sync")(warehouse.sync)
app.command("sql")(warehouse.sql)
app.add_typer(access.token, name="token")
app.add_typer(access.workspace, name="workspace")
app.add_typer(plan, name="plan")
app.add_typer(secrets.secrets, name="secrets")
