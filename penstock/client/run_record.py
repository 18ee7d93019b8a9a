"""`run.json`: what a running instance tells the commands that work beside it on the same data directory."""

from pathlib import Path

import msgspec


class ProcessRecord(msgspec.Struct, frozen=True):
    """A process of the tree and the kernel's start time of it, which tells it from a later one with the same pid."""

    pid: int
    started: str


class RunRecord(msgspec.Struct, frozen=True):
    """`token` opens the local operations under `/penstock/` and nothing else; it is new at every start."""

    url: str
    pid: int
    token: str
    processes: list[ProcessRecord] = []


def read_run_record(data: Path) -> RunRecord | None:
    """The record of the instance that runs on this data directory, or None."""
    try:
        return msgspec.json.decode((data / "run.json").read_bytes(), type=RunRecord)
    except (FileNotFoundError, msgspec.MsgspecError):
        return None
