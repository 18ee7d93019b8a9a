"""The commands: each asks the API, and reads or writes a file."""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from penstock.cli.output import write_json
from penstock.cli.plans import python, typescript
from penstock.cli.plans.shape import Rule
from penstock.cli.plans.sheet import SIZE_LIMIT, SheetError, read_sheet, write_sheet
from penstock.cli.refusal import refuse
from penstock.cli.resources.by_slug import source_id
from penstock.cli.resources.reaching import reach
from penstock.client.asking import Asking, AskingError, quoted

_PAGE = 200
Url = Annotated[str, typer.Option("--url", envvar="PENSTOCK_URL", help="Its address.", show_default=False)]
Token = Annotated[str, typer.Option("--token", envvar="PENSTOCK_TOKEN", help="An API token.", show_default=False)]
Data = Annotated[
    Path | None, typer.Option("--data", help="Else the one that runs on this directory.", show_default=False)
]
Out = Annotated[Path | None, typer.Option("--out", help="The file to write; else standard output.", show_default=False)]
Form = Annotated[Literal["json", "csv"], typer.Option("--format", help="How it is written.")]
_FIELDS = ("type", "key", "version", "jsonSchema")

plan = typer.Typer(help="Tracking plans: drafts of what was seen, files, typed clients.", no_args_is_help=True)


@plan.command("draft")
def draft_plan(
    source: Annotated[str, typer.Option("--source", help="Whose events are looked at, by id or slug.")],
    required_from: Annotated[
        int, typer.Option(min=1, help="Events from which on a name that all of them had is required.")
    ] = 10,
    form: Form = "json",
    out: Out = None,
    url: Url = "",
    token: Token = "",
    data: Data = None,
) -> None:
    """Propose rules of a tracking plan from what a source has seen, as `plan import` takes them."""
    with _asking(url, token, data) as ask:
        path = f"/penstock/sources/{quoted(source_id(ask, source))}/schema/plan"
        found = ask("GET", path, query={"requiredFrom": str(required_from)})
    _write_rules({}, found["rules"], form, out)


@plan.command("export")
def export_plan(
    plan_id: Annotated[str, typer.Argument(metavar="PLAN", help="The id of the plan.")],
    form: Form = "json",
    out: Out = None,
    url: Url = "",
    token: Token = "",
    data: Data = None,
) -> None:
    """Write the rules of a plan to a file."""
    with _asking(url, token, data) as ask:
        found = ask("GET", f"/tracking-plans/{quoted(plan_id)}")["trackingPlan"]
        rules = _rules(ask, plan_id)
    _write_rules(_about(found), rules, form, out)


@plan.command("import")
def import_plan(
    file: Annotated[Path, typer.Argument(help="A JSON file, or a CSV file where its name ends so.")],
    plan_id: Annotated[str, typer.Option("--plan", help="The plan whose rules become these.", show_default=False)] = "",
    name: Annotated[
        str, typer.Option("--name", help="Of the new plan that is made else; the file's, if not given.")
    ] = "",
    url: Url = "",
    token: Token = "",
    data: Data = None,
) -> None:
    """Make the rules of a file those of a plan, all at once; where one of them is refused nothing is changed."""
    if plan_id and name:
        refuse("--name is of a new plan, and --plan names one that is there")
    about, rules = _read(file)
    with _asking(url, token, data) as ask:
        made = not plan_id
        if made:
            body = {"name": file.stem, "type": "LIVE"} | about | ({"name": name} if name else {})
            plan_id = ask("POST", "/tracking-plans", body=body)["trackingPlan"]["id"]
        path = f"/tracking-plans/{quoted(plan_id)}"
        try:
            ask("PUT", f"{path}/rules", body={"rules": rules})
        except AskingError:
            if made:
                ask("DELETE", path)
            raise
        write_json({"trackingPlanId": plan_id, "rules": len(rules)})


@plan.command("codegen")
def generate_client(
    language: Annotated[Literal["python", "typescript"], typer.Option("--language", help="Of the module.")],
    plan_id: Annotated[str, typer.Option("--plan", help="The id of the plan.", show_default=False)] = "",
    file: Annotated[
        Path | None, typer.Option("--file", help="Else a file that `plan export` wrote.", show_default=False)
    ] = None,
    sdk: Annotated[Literal["node", "browser"], typer.Option("--sdk", help="Of TypeScript.")] = "node",
    out: Out = None,
    url: Url = "",
    token: Token = "",
    data: Data = None,
) -> None:
    """Write a module with a typed call for each rule of a plan, on top of the official SDK."""
    if bool(plan_id) == (file is not None):
        refuse("either --plan or --file says which rules")
    if file is not None:
        about, rules = _read(file)
        title = about.get("name", file.stem)
    else:
        with _asking(url, token, data) as ask:
            title, rules = (
                ask("GET", f"/tracking-plans/{quoted(plan_id)}")["trackingPlan"]["name"],
                _rules(ask, plan_id),
            )
    made = python.module_of(rules, title) if language == "python" else typescript.module_of(rules, title, sdk)
    _write(made, out)


@contextmanager
def _asking(url: str, token: str, data: Path | None) -> Iterator[Asking]:
    try:
        with reach(url, token, data) as ask:
            yield ask
    except AskingError as error:
        refuse(error)


def _rules(ask: Asking, plan_id: str) -> list[Rule]:
    found = _all(ask, f"/tracking-plans/{quoted(plan_id)}/rules", "rules")
    return [{name: each[name] for name in _FIELDS if each.get(name) is not None} for each in found]


def _all(ask: Asking, path: str, name: str) -> Iterator[dict[str, Any]]:
    """Every item of a list, page by page."""
    cursor: str | None = None
    while True:
        page: dict[str, Any] = {"count": _PAGE} | ({"cursor": cursor} if cursor else {})
        answer = ask("GET", path, query={"pagination": page})
        yield from answer[name]
        if (cursor := answer["pagination"].get("next")) is None:
            return


def _about(found: dict[str, Any]) -> dict[str, Any]:
    return {name: found[name] for name in ("name", "type", "description") if found.get(name)}


def _read(file: Path) -> tuple[dict[str, Any], list[Rule]]:
    """What a file tells of its plan, and the rules; ends the command where it has none that can be read."""
    try:
        if file.stat().st_size > SIZE_LIMIT:
            refuse(f"{file} is larger than {SIZE_LIMIT >> 20} MB")
        text = file.read_bytes().decode()  # as it is: names may hold any kind of line end
        if file.suffix.lower() == ".csv":
            return {}, read_sheet(text)
        found = json.loads(text)
    except OSError as error:
        refuse(f"{file} cannot be read: {error.strerror}")
    except (SheetError, ValueError, RecursionError) as error:
        refuse(f"{file}: {error}")
    rules = found.get("rules") if isinstance(found, dict) else found
    if not isinstance(rules, list) or not all(isinstance(each, dict) and "type" in each for each in rules):
        refuse(f"{file}: there must be a list of rules, alone or under `rules`, each with its `type`")
    plain = [{name: each[name] for name in _FIELDS if each.get(name) is not None} for each in rules]
    return _about(found) if isinstance(found, dict) else {}, plain


def _write_rules(about: dict[str, Any], rules: list[Rule], form: str, out: Path | None) -> None:
    """As `plan import` takes them."""
    if form == "csv":
        return _write(write_sheet(rules), out)
    return _write(json.dumps({**about, "rules": rules}, ensure_ascii=False, indent=2) + "\n", out)


def _write(text: str, out: Path | None) -> None:
    if out is None:
        sys.stdout.write(text)
        return
    try:
        out.write_bytes(text.encode())
    except OSError as error:
        refuse(error)
