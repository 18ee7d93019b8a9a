"""A source may be named by its slug wherever a command takes its id: nobody knows ids by heart."""

import re
from typing import Any

from penstock.cli.refusal import refuse
from penstock.client.asking import Asking, Failed

Row = dict[str, Any]
_ID = re.compile(r"[0-9A-Za-z]{22}")
_PAGE = 200
_NAMING = {
    "sourceId": "--source-id",
    "forwardingViolationsTo": "--forwarding-violations-to",
    "forwardingBlockedEventsTo": "--forwarding-blocked-events-to",
}
"""Fields of bodies that name a source, and their flags."""


def source_id(ask: Asking, named: str) -> str:
    """The id behind a slug. What looks like an id is asked for nothing; what is no slug is taken for an id."""
    return _source_id(ask, named)


def _source_id(ask: Asking, named: str, refused_as: str = "") -> str:
    """Where `refused_as` is a flag, what is neither is refused by it."""
    if not named or _ID.fullmatch(named):
        return named
    cursor: str | None = None
    while True:
        page: Row = {"count": _PAGE} | ({"cursor": cursor} if cursor else {})
        try:
            answer = ask("GET", "/sources", query={"pagination": page})
        except Failed:  # of a token that may not list them the command itself is told
            return named
        found = next((str(each["id"]) for each in answer["sources"] if each["slug"] == named), None)
        cursor = answer["pagination"].get("next")
        if found is None and cursor is None and refused_as:
            refuse(f"there is no source {named} ({refused_as})")
        if found is not None or cursor is None:
            return found or named


def resolve(ask: Asking, row: Row, path: list[str], arguments: Row) -> list[str]:
    """The path with ids in the place of slugs; the query and the body get theirs where they stand.

    What is neither is refused there: a filter by it would find nothing, and say nothing. Of what was deleted the id
    still finds what is kept.
    """
    body = arguments.get("body", {})
    inside = body.get(row["wrapper"], {}) if row.get("wrapper") else body
    for holder, name, flag in ((arguments, "source_id", "--source-id"), *((inside, *each) for each in _NAMING.items())):
        if isinstance(holder.get(name), str):
            holder[name] = _source_id(ask, holder[name], flag)
    for holder, name in ((arguments, "destination_id"), (inside, "destinationId")):
        if isinstance(named := holder.get(name), str) and named and not _ID.fullmatch(named):
            refuse(f"{named} is no id of a destination (--destination-id)")
    return [
        source_id(ask, each) if name == "source_id" else each for name, each in zip(row["arguments"], path, strict=True)
    ]
