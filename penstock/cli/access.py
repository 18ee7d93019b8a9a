"""`penstock token` and `penstock workspace`: who may ask an installation, by names where the API speaks of ids."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

from penstock.cli.output import chosen_format, write_json, write_rows
from penstock.cli.refusal import refuse
from penstock.cli.resources.reaching import reach
from penstock.client.asking import Asking, AskingError, quoted

_TOKENS, _WORKSPACES = "/penstock/tokens", "/penstock/workspaces"
_PAGE = 200
_TYPES = {"source": "SOURCE", "warehouse": "WAREHOUSE", "function": "FUNCTION"}
Json = Annotated[bool, typer.Option("--json", help="JSON, also on a terminal.")]
Url = Annotated[str, typer.Option("--url", envvar="PENSTOCK_URL", help="Its address.", show_default=False)]
Token = Annotated[str, typer.Option("--token", envvar="PENSTOCK_TOKEN", help="An API token.", show_default=False)]
Data = Annotated[
    Path | None, typer.Option("--data", help="Else the one that runs on this directory.", show_default=False)
]
Only = list[str] | None

token = typer.Typer(help="API tokens: what a program or a person may do here.", no_args_is_help=True)
workspace = typer.Typer(help="The workspaces of an installation.", no_args_is_help=True)


@token.command("create")
def create_token(
    name: Annotated[str, typer.Option(help="What it is called.")],
    role: Annotated[list[str], typer.Option(help="What it may do, by name; may be repeated.")],
    source: Annotated[Only, typer.Option(help="On this source alone, by id; may be repeated.")] = None,
    warehouse: Annotated[Only, typer.Option(help="On this warehouse alone.")] = None,
    function: Annotated[Only, typer.Option(help="On this function alone.")] = None,
    label: Annotated[Only, typer.Option(help="On what has this label (`key:value`) and the others.")] = None,
    days: Annotated[int | None, typer.Option(help="Days until it expires; never where it is not given.")] = None,
    url: Url = "",
    token: Token = "",
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Make a token. Its text is shown this once: Penstock keeps a hash of it."""
    chosen = {"source": source or [], "warehouse": warehouse or [], "function": function or []}
    with _asking(url, token, data) as ask:
        resources = _resources(ask, chosen, label or [])
        permissions = [{"roleId": each, "resources": resources} for each in _role_ids(ask, role)]
        body = {"name": name, "permissions": permissions}
        made = ask("POST", _TOKENS, body=body | ({} if days is None else {"expiresInDays": days}))
    if chosen_format(as_json=as_json, as_csv=False) == "json":
        write_json(made)
    else:
        typer.echo(made["secret"])


@token.command("list")
def list_tokens(url: Url = "", token: Token = "", data: Data = None, as_json: Json = False) -> None:
    """Show the tokens of the workspace, without their texts."""
    with _asking(url, token, data) as ask:
        found = _all(ask, _TOKENS, "tokens")
    if chosen_format(as_json=as_json, as_csv=False) == "json":
        write_json(found)
        return
    columns = ("id", "name", "roles", "person", "expires")
    rows = [(each["id"], each["name"], _told(each), each.get("email"), each.get("expiresAt")) for each in found]
    write_rows(columns, rows, "table")


@token.command("revoke")
def revoke_token(
    token_id: Annotated[str, typer.Argument(metavar="ID")], url: Url = "", token: Token = "", data: Data = None
) -> None:
    """Let a token open nothing more."""
    with _asking(url, token, data) as ask:
        ask("DELETE", f"{_TOKENS}/{quoted(token_id)}")


@workspace.command("create")
def create_workspace(
    name: str,
    slug: Annotated[str, typer.Option(help="Made from the name where it is not given.", show_default=False)] = "",
    url: Url = "",
    token: Token = "",
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Make a workspace. The token of its owner is shown this once."""
    with _asking(url, token, data) as ask:
        made = ask("POST", _WORKSPACES, body={"name": name} | ({"slug": slug} if slug else {}))
    if chosen_format(as_json=as_json, as_csv=False) == "json":
        write_json(made)
        return
    rows = [*made["workspace"].items(), ("token", made["token"]), ("write key", made["writeKey"])]
    write_rows(("field", "value"), rows, "table")


@workspace.command("list")
def list_workspaces(url: Url = "", token: Token = "", data: Data = None, as_json: Json = False) -> None:
    """Show the workspaces of the installation. Only the token of its first run may see them."""
    with _asking(url, token, data) as ask:
        found = _all(ask, _WORKSPACES, "workspaces")
    rows = [(each["id"], each["slug"], each["name"]) for each in found]
    write_rows(("id", "slug", "name"), rows, chosen_format(as_json=as_json, as_csv=False))


@contextmanager
def _asking(url: str, token: str, data: Path | None) -> Iterator[Asking]:
    """Ends with one line where the API cannot be asked, or refuses."""
    try:
        with reach(url, token, data) as ask:
            yield ask
    except AskingError as error:
        refuse(error)


def _all(ask: Asking, path: str, name: str) -> list[dict[str, Any]]:
    """A list to its end."""
    found: list[dict[str, Any]] = []
    cursor: str | None = None
    while True:
        page = {"count": _PAGE} | ({"cursor": cursor} if cursor else {})
        answer = ask("GET", path, query={"pagination": page})
        found += answer[name]
        if (cursor := answer["pagination"].get("next")) is None:
            return found


def _role_ids(ask: Asking, names: Sequence[str]) -> list[str]:
    known = {each["name"].lower(): each["id"] for each in _all(ask, "/roles", "roles")}
    for name in names:
        if name.lower() not in known:
            refuse(f"there is no role {name}; `penstock iam-roles list` shows them")
    return [known[name.lower()] for name in names]


def _resources(ask: Asking, chosen: Mapping[str, Sequence[str]], labels: Sequence[str]) -> list[dict[str, Any]]:
    """What the roles are given on: what is chosen, else the workspace, narrowed by labels where there are any."""
    found: list[dict[str, Any]] = [
        {"id": each, "type": _TYPES[kind]} for kind, several in chosen.items() for each in several
    ]
    pairs = [_pair(label) for label in labels]
    if pairs or not found:
        whole = {"id": ask("GET", "/workspace")["workspace"]["id"], "type": "WORKSPACE"}
        found.append(whole | ({"labels": pairs} if pairs else {}))
    return found


def _pair(label: str) -> dict[str, str]:
    key, colon, value = label.partition(":")
    if not colon:
        refuse(f"a label reads key:value, not {label}")
    return {"key": key, "value": value}


def _told(shown: Mapping[str, Any]) -> str:
    return "everything" if shown["isUnbounded"] else ", ".join(each["roleName"] for each in shown["permissions"])
