"""Whether text is a script: V8 itself parses it, in a process of its own that ends afterwards. Nothing of it runs."""

import asyncio
from asyncio.subprocess import PIPE, Process

import msgspec

from penstock.js.deno import find_deno
from penstock.js.errors import RunnerLost
from penstock.js.sandbox.command import DIRECTORY, ENVIRONMENT, sandbox_command
from penstock.kit.parent import before_exec

_SECONDS = 10.0
"""A process starts in 50 ms, on a machine with something else to do in a second."""


class SyntaxProblem(msgspec.Struct, frozen=True):
    """Where the text stops being a script; lines and columns count from 1."""

    message: str
    line: int
    column: int


async def find_syntax_problem(code: str) -> SyntaxProblem | None:
    """The first problem of a script in sloppy mode; None where there is none. Raises RunnerLost, DenoMissing."""
    process = await asyncio.create_subprocess_exec(
        *sandbox_command(find_deno(), "parse.js"),
        stdin=PIPE,
        stdout=PIPE,
        stderr=PIPE,
        env=ENVIRONMENT,
        cwd=DIRECTORY,
        preexec_fn=before_exec(),
    )
    try:
        async with asyncio.timeout(_SECONDS):
            said, noted = await process.communicate(code.encode(errors="replace"))
    except TimeoutError as error:
        raise RunnerLost(f"the code could not be parsed within {_SECONDS:.0f} s") from error
    finally:
        await _end(process)
    try:
        return msgspec.json.decode(said, type=SyntaxProblem | None)
    except msgspec.MsgspecError as error:
        raise RunnerLost(
            f"the parser ended with {process.returncode}: {noted[-300:].decode(errors='replace')}"
        ) from error


async def _end(process: Process) -> None:
    if process.returncode is None:
        process.kill()
        await process.wait()
