"""Fault points: named places where a test stops a process or delays it, and where nothing happens otherwise.

A test names a directory in `PENSTOCK_FAULTS_DIR` and arms a point by writing the file `<name>` there: `stop`,
`delay:MS`, or `hold`, which holds up coroutines until the file is gone. The first process that passes an armed `stop`
takes the file (renames it to `<name>.<pid>`: that is its report) and then sleeps whole, event loop and all, until the
test kills it from outside: only so is a kill at that place certain. Without the variable a pass costs one comparison.
"""

import asyncio
import os
import time
from pathlib import Path

_DIRECTORY = Path(os.environ["PENSTOCK_FAULTS_DIR"]) if "PENSTOCK_FAULTS_DIR" in os.environ else None
_HOLD_SECONDS = 0.01


def fault_point(name: str) -> None:
    """Stop or delay here if a test has armed this point."""
    if _DIRECTORY is not None and (seconds := _delay(_DIRECTORY, name)):
        time.sleep(seconds)


async def fault_pause(name: str) -> None:
    """The same in a coroutine: a delay or a hold holds up this task alone, a stop the whole process."""
    while _DIRECTORY is not None and _holds(_DIRECTORY / name):  # noqa: ASYNC110 - another process ends it
        await asyncio.sleep(_HOLD_SECONDS)
    if _DIRECTORY is not None and (seconds := _delay(_DIRECTORY, name)):
        await asyncio.sleep(seconds)


def _holds(file: Path) -> bool:
    try:
        return file.read_text() == "hold"
    except FileNotFoundError:
        return False


def _delay(directory: Path, name: str) -> float:
    """Seconds to wait. Where the point is armed to stop, this does not return."""
    file = directory / name
    try:
        action = file.read_text()
        if action.startswith("delay:"):
            return int(action.removeprefix("delay:")) / 1000
        if action != "stop":  # a file that is just being written is empty
            return 0.0
        file.rename(directory / f"{name}.{os.getpid()}")
    except FileNotFoundError:
        return 0.0
    while True:
        time.sleep(3600)
