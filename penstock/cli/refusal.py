"""What a command says on standard error, on one line: that it cannot do what it was asked, or a warning."""

import sys
from typing import NoReturn


def refuse(message: object) -> NoReturn:
    """Say why and end, with exit status 1."""
    sys.stderr.write(f"penstock: {message}\n")
    sys.exit(1)


def warn(message: object) -> None:
    """Say it and go on."""
    sys.stderr.write(f"penstock: warning: {message}\n")
