"""Fault points: named places where a test stops a process or delays it, and where nothing happens otherwise.

`PENSTOCK_FAULTS` lists them, separated by commas: `name` stops at the first pass, `name@N` at the Nth, `name=delay:MS`
delays every pass. A stopped process reports in `PENSTOCK_FAULTS_DIR/<name>.<pid>` and then sleeps whole (event loop and
all) until the test kills it from outside: only so is a kill at that place certain.
"""

import os
import time
from pathlib import Path

_passes: dict[str, int] = {}


def _armed() -> dict[str, str]:
    entries = [entry for entry in os.environ.get("PENSTOCK_FAULTS", "").split(",") if entry]
    return {entry.split("@")[0].split("=")[0]: entry for entry in entries}


_ARMED = _armed()


def fault_point(name: str) -> None:
    """Stop or delay here if the environment of this process asks for it; costs one dictionary look-up if not."""
    if not _ARMED or (entry := _ARMED.get(name)) is None:
        return
    if "=delay:" in entry:
        time.sleep(int(entry.split("=delay:")[1]) / 1000)
        return
    _passes[name] = _passes.get(name, 0) + 1
    wanted = int(entry.split("@")[1]) if "@" in entry else 1
    if _passes[name] == wanted:
        _stop(name)


def _stop(name: str) -> None:
    directory = Path(os.environ["PENSTOCK_FAULTS_DIR"])
    directory.mkdir(parents=True, exist_ok=True)
    (directory / f"{name}.{os.getpid()}").write_text("stopped")
    while True:
        time.sleep(3600)
