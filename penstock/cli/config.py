"""`penstock config`: the effective settings, where each came from, and whether a change needs a restart."""

import os
import sys
from typing import Annotated

import typer

from penstock.cli.options import Data, effective
from penstock.cli.output import chosen_format, write_rows
from penstock.kit.settings import fields, masked
from penstock.kit.variables import unheeded


def config(
    data: Data = None,
    as_json: Annotated[bool, typer.Option("--json", help="JSON, also on a terminal.")] = False,
) -> None:
    """Print the effective settings; secrets are masked. Of variables that are no setting standard error tells."""
    settings, sources = effective({"data": data})
    sys.stderr.writelines(f"penstock: {sentence}\n" for sentence in unheeded(os.environ))
    values = masked(settings)
    rows = [
        (name, _shown(values[name]), sources[name], "yes" if field.needs_restart else "no", field.description)
        for name, field in fields().items()
    ]
    columns = ("setting", "value", "source", "needs restart", "meaning")
    write_rows(columns, rows, chosen_format(as_json=as_json, as_csv=False))


def _shown(value: object) -> object:
    return ",".join(map(str, value)) if isinstance(value, tuple) else value
