"""Fault points: named places where a test stops a process or delays it, and where nothing happens otherwise.

A test names a directory in `PENSTOCK_FAULTS_DIR` and arms a point by writing the file `<name>` there: `stop`, or
`delay:MS`. The first process that passes an armed `stop` takes the file (renames it to `<name>.<pid>`: that is its
report) and then sleeps whole, event loop and all, until the test kills it from outside: only so is a kill at that place
certain. Without the variable a pass costs one comparison.
"""

import os
import time
from pathlib import Path

_DIRECTORY = Path(os.environ["PENSTOCK_FAULTS_DIR"]) if "PENSTOCK_FAULTS_DIR" in os.environ else None


def fault_point(name: str) -> None:
    """Stop or delay here if a test has armed this point."""
    if _DIRECTORY is None:
        return
    file = _DIRECTORY / name
    try:
        action = file.read_text()
        if action.startswith("delay:"):
            time.sleep(int(action.removeprefix("delay:")) / 1000)
            return
        file.rename(_DIRECTORY / f"{name}.{os.getpid()}")
    except FileNotFoundError:
        return
    while True:
        time.sleep(3600)
