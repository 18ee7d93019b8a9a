"""Runs a resource command: its flags become a request, its answer is shown, and what is refused is told by its flag."""

from typing import Any

from penstock.cli.refusal import refuse
from penstock.cli.resources.by_slug import resolve
from penstock.cli.resources.parser import build_parser
from penstock.cli.resources.reaching import reach
from penstock.cli.resources.showing import show, show_pages
from penstock.cli.resources.table import Row, flags_of
from penstock.cli.resources.values import read_body, read_query
from penstock.client.asking import Asking, AskingError, Failed
from penstock.client.public_api import PublicApi


def run_command(program: str, row: Row, words: list[str]) -> None:
    """`program` is how the command is called; `words` are what follows. Ends with status 1 where it is refused."""
    given = vars(build_parser(program, row).parse_args(words))
    path = [given[f"path_{name}"] for name in row["arguments"]]
    arguments = read_query(row, given)
    if "body" in row:
        arguments["body"] = read_body(row, given)
    try:
        with reach(given["url"], given["token"], given["data"]) as ask:
            _ask(ask, row, resolve(ask, row, path, arguments), arguments, given)
    except Failed as error:
        refuse("\npenstock: ".join(_told(each, row) for each in error.problems))
    except AskingError as error:
        refuse(error)


def _ask(ask: Asking, row: Row, path: list[str], arguments: Row, given: Row) -> None:
    method = getattr(getattr(PublicApi(ask), row["tag"]), row["method"])
    if not row.get("is_paged"):
        show(row, method(*path, **arguments), as_json=given["json"])
        return

    def page(cursor: str) -> Any:
        return method(*path, **arguments, count=given["count"], cursor=cursor or None)

    show_pages(row, page, given["cursor"], is_all=given["all"], as_json=given["json"])


def _told(problem: Row, row: Row) -> str:
    """What the API says, and by which flag it is mended."""
    message: str = problem.get("message") or problem.get("type", "")
    field: str = problem.get("field", "").removeprefix(f"{row.get('wrapper', '')}.")
    named = field.partition(".")[0]
    flag = next((each["flag"] for each in flags_of(row) if each["field"] == named), "")
    if flag:
        return f"{message} (--{flag})"
    if field == "pagination.count":
        return f"{message} (--count)"
    if problem.get("type") == "unauthorized":
        return f"{message} (--token or PENSTOCK_TOKEN)"
    return message
