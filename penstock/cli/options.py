"""Options that several commands share, and how the effective settings are found."""

import os
from pathlib import Path
from typing import Annotated, Any

import typer

from penstock.cli.refusal import refuse
from penstock.kit.settings import Settings, SettingsError, load

Data = Annotated[
    Path | None,
    typer.Option("--data", help="Directory that holds all state (PENSTOCK_DATA).", show_default=False),
]


def effective(flags: dict[str, Any]) -> tuple[Settings, dict[str, str]]:
    """Settings and where each came from: flag, then environment, then `penstock.toml` here. Ends where one is bad."""
    try:
        return load({name: str(value) for name, value in flags.items() if value is not None}, os.environ, _file())
    except SettingsError as error:
        refuse(error)


def data_directory(data: Path | None) -> Path:
    return Path(effective({"data": data})[0].data)


def _file() -> Path:
    """`penstock.toml` here, which need not exist; a file that is named must."""
    named = os.environ.get("PENSTOCK_CONFIG", "")
    if named and not Path(named).is_file():
        refuse(f"PENSTOCK_CONFIG names {named}, which is no file")
    return Path(named or "penstock.toml")
