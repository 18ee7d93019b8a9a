"""`penstock sources list` and all its like: a command for every operation of the API, made from a table.

Nothing here imports what is heavy, Typer included: a script may call `penstock` a thousand times.
"""

from penstock.cli.resources.command import run_command
from penstock.cli.resources.table import find_command, groups

__all__ = ["find_command", "groups", "run_command"]
