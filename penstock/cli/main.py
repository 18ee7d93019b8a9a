"""The command line's entry: a resource command is run at once, all others and the help are Typer's to find."""

import os
import sys

from penstock.cli.resources import find_command, run_command


def main() -> None:
    """Run one command. Errors that a user can mend are one line on standard error and status 1."""
    try:
        try:
            _run(sys.argv[1:])
        finally:
            sys.stdout.flush()
    except KeyboardInterrupt:
        sys.exit(130)
    except BrokenPipeError:
        # Who reads has heard enough (`| head`). What is still held back must not be tried once more at the end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)


def _run(words: list[str]) -> None:
    found = find_command(words)
    if found is not None:
        count, row = found
        run_command(" ".join(["penstock", *words[:count]]), row, words[count:])
        return
    from penstock.cli.app import app

    app()
