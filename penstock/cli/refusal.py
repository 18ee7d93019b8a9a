"""How a command ends when it cannot do what it was asked: one line on standard error, exit status 1."""

import sys
from typing import NoReturn

import typer


def refuse(message: object) -> NoReturn:
    """Say why and end."""
    sys.stderr.write(f"penstock: {message}\n")
    raise typer.Exit(1)
