"""`penstock functions test`: run a function on a file's event, without a server and within the limits of one."""

import asyncio
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
import typer

from penstock.cli.output import chosen_format, write_json
from penstock.cli.refusal import refuse

if TYPE_CHECKING:
    from penstock.spec.calls import TrialReport, TryFunction

trial = typer.Typer(add_completion=False)


@trial.command("test")
def try_function(
    file: Annotated[Path, typer.Argument(help="The code.")],
    event: Annotated[
        Path | None, typer.Option(help="An event as JSON; a list of them is given to onBatch.", show_default=False)
    ] = None,
    request: Annotated[
        Path | None, typer.Option(help="The body of a request to a source function.", show_default=False)
    ] = None,
    settings: Annotated[str, typer.Option(help="What the code gets as its settings: JSON, or @FILE.")] = "{}",
    as_json: Annotated[bool, typer.Option("--json", help="JSON, also on a terminal.")] = False,
) -> None:
    """Run a function once, in a process without permissions. Its requests are really made. Status 1 where it fails."""
    if (event is None) == (request is None):
        refuse("one of --event and --request is needed")
    call = _call(_read(file), event, request, _settings(settings))
    report = asyncio.run(_run(call))
    if chosen_format(as_json=as_json, as_csv=False) == "json":
        write_json(_told(report))
    else:
        _write(report)
    sys.exit(0 if report.consequence == "done" else 1)


def _call(code: str, event: Path | None, request: Path | None, settings: bytes) -> "TryFunction":
    from penstock.spec.calls import TryFunction

    if request is not None:
        given = {"url": "https://functions.example/", "headers": [], "body": _read(request), "isForm": False}
        return TryFunction("SOURCE", code, "onRequest", msgspec.json.encode(given), settings)
    assert event is not None  # noqa: S101 - one of the two is there
    sample = _decoded(event.name, _read(event))
    if isinstance(sample, list):
        return TryFunction("DESTINATION", code, "onBatch", msgspec.json.encode(sample), settings)
    kind = sample.get("type") if isinstance(sample, dict) else None
    if not isinstance(kind, str):
        refuse(f"{event} holds no event with a type")
    return TryFunction("DESTINATION", code, f"on{kind.capitalize()}", msgspec.json.encode(sample), settings)


def _settings(text: str) -> bytes:
    found = _decoded("--settings", _read(Path(text[1:])) if text.startswith("@") else text)
    if not isinstance(found, dict):
        refuse("--settings must be a JSON object")
    return msgspec.json.encode(found)


def _read(file: Path) -> str:
    try:
        return file.read_text()
    except OSError as error:
        refuse(f"{file} cannot be read: {error.strerror}")
    except UnicodeDecodeError as error:
        refuse(f"{file} cannot be read: {error}")


def _decoded(name: str, text: str) -> Any:
    try:
        return msgspec.json.decode(text)
    except msgspec.DecodeError as error:
        refuse(f"{name} is not JSON: {error}")


async def _run(call: "TryFunction") -> "TrialReport":
    """What runs functions is imported when it is needed: other commands start without it."""
    from penstock.functions.pool import FunctionPool
    from penstock.functions.trial import Trials
    from penstock.infra.http import OutboundPolicy

    async with FunctionPool(OutboundPolicy()) as pool:
        return await Trials(pool.broker, pool.limits).answer(call)


def _told(report: "TrialReport") -> dict[str, Any]:
    decoded = {"value": msgspec.json.decode(report.value), "messages": list(map(msgspec.json.decode, report.messages))}
    plain: dict[str, Any] = msgspec.to_builtins(report)
    return plain | decoded


def _write(report: "TrialReport") -> None:
    lines = [f"{report.consequence} after {report.milliseconds:g} ms"]
    if report.message:
        lines += [f"{report.code}: {report.message}", *report.stack.splitlines()[1:]]
    lines += [f"returned {report.value.decode()}"] if report.value != b"null" else []
    lines += [f"sent {message}" for message in report.messages]
    lines += [f"asked {one.method} {one.url}: {one.status or one.error}" for one in report.requests]
    typer.echo("\n".join([*lines, *report.logs]))
