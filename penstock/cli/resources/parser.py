"""A row of the table as a parser of its arguments and flags."""

import os
from argparse import ArgumentParser, BooleanOptionalAction, RawDescriptionHelpFormatter
from pathlib import Path
from typing import Any

from penstock.cli.resources.table import Row

LARGEST_PAGE = 200


def build_parser(program: str, row: Row) -> ArgumentParser:
    """Values stand under `path_…`, `query_…` and `body_…`; what was not given is None."""
    parser = ArgumentParser(
        program, description=row["about"], allow_abbrev=False, formatter_class=RawDescriptionHelpFormatter
    )
    for name in row["arguments"]:
        parser.add_argument(f"path_{name}", metavar=name.strip("_").upper())
    for place in ("query", "body"):
        for flag in row.get(place, []):
            _add_flag(parser, place, flag)
    if "body" in row:
        parser.add_argument("--file", type=Path, help="the body as JSON; - reads standard input; flags win")
    if row.get("is_paged"):
        parser.add_argument("--all", action="store_true", help="all pages")
        parser.add_argument("--count", type=int, default=LARGEST_PAGE, help="items of a page, %(default)s if not given")
        parser.add_argument("--cursor", default="", help="where the page begins")
    _add_shared(parser.add_argument_group("which Penstock is asked"))
    parser.add_argument("--json", action="store_true", help="JSON, also on a terminal")
    return parser


def _add_flag(parser: ArgumentParser, place: str, flag: Row) -> None:
    """None is required here: a body may come from a file."""
    given: dict[str, Any] = {"dest": f"{place}_{flag['flag']}", "help": _help(flag)}
    match flag["kind"]:
        case "boolean":
            given["action"] = BooleanOptionalAction
        case "texts":
            given |= {"action": "append", "metavar": "TEXT"}
        case "json":
            given["metavar"] = "JSON"
        case "integer":
            given |= {"type": int, "metavar": "NUMBER"}
        case "number":
            given |= {"type": float, "metavar": "NUMBER"}
        case _:
            given["metavar"] = "TEXT"
    if "choices" in flag:
        given |= {"choices": flag["choices"], "metavar": None}
    parser.add_argument(f"--{flag['flag']}", **given)


def _help(flag: Row) -> str:
    notes = {"json": "JSON, or @FILE", "texts": "may be repeated"}
    told = [
        flag.get("about", "").removesuffix("."),
        "the text, or @FILE" if flag.get("is_from_file") else notes.get(flag["kind"], ""),
        "required" if flag.get("is_required") else "",
    ]
    return "; ".join(filter(None, told)).replace("%", "%%")


def _add_shared(group: Any) -> None:
    environment = os.environ.get
    group.add_argument("--url", default=environment("PENSTOCK_URL", ""), help="its address (PENSTOCK_URL)")
    group.add_argument("--token", default=environment("PENSTOCK_TOKEN", ""), help="an API token (PENSTOCK_TOKEN)")
    group.add_argument("--data", type=Path, help="else the one that runs on this directory (PENSTOCK_DATA)")
