"""Whether a function may be stored as it is asked for: not too many, its code a script, its settings told apart."""

from collections.abc import Sequence

from penstock.api.errors import BadRequest, InputInvalid
from penstock.api.operation import Question
from penstock.api.unit import Unit
from penstock.resources.functions.repository import count_functions
from penstock.resources.functions.schemas import SettingInput
from penstock.spec.calls import ParseFunction, ParseReport

WORKSPACE_LIMIT = 25
"""Functions of all kinds of one workspace."""
INSERT_NAME_LIMIT = 120
INSERT_KINDS = frozenset({"INSERT_DESTINATION", "INSERT_SOURCE", "INSERT_TRANSFORMATION"})
_OWN_HOST = "fn.segmentapis.com"
_PARSE_SECONDS = 15.0


async def require_room(unit: Unit) -> None:
    """Raises BadRequest where the workspace has as many as it may have."""
    if await count_functions(unit.connection, unit.workspace_id) >= WORKSPACE_LIMIT:
        raise BadRequest(f"a workspace has at most {WORKSPACE_LIMIT} functions")


def require_fit(kind: str, name: str | None, code: str | None, settings: Sequence[SettingInput] | None) -> None:
    """Raises InputInvalid with every problem of what was sent (None: it was not)."""
    problems = []
    if name is not None and kind in INSERT_KINDS and len(name) > INSERT_NAME_LIMIT:
        problems.append(("displayName", f'"displayName" has at most {INSERT_NAME_LIMIT} characters here'))
    if code is not None and _OWN_HOST in code:
        message = '"code" sends to the host of functions: they cannot send data back to their originating source'
        problems.append(("code", message))
    seen: set[str] = set()
    for number, setting in enumerate(settings or ()):
        if setting.name in seen:
            field = f"settings.{number}.name"
            problems.append((field, f'"{field}" is the name of an earlier one'))
        seen.add(setting.name)
    if problems:
        raise InputInvalid.of(problems)


def ask_to_parse(code: str) -> Question:
    """The role that runs functions says whether it could."""
    return Question(ParseFunction(code), ParseReport, _PARSE_SECONDS)


def require_script(report: ParseReport) -> None:
    """Raises InputInvalid with the place of the first problem."""
    if report.problem:
        place = f"line {report.line}, column {report.column}"
        data = {"line": report.line, "column": report.column}
        raise InputInvalid(f'"code" is not JavaScript: {place}: {report.problem}', field="code", data=data)
