"""`run.json`: what a running instance tells the commands that work beside it on the same data directory."""

from pathlib import Path

import msgspec


class ProcessRecord(msgspec.Struct, frozen=True):
    """A process of the tree and the kernel's start time of it, which tells it from a later one with the same pid."""

    pid: int
    started: str


class JoinRecord(msgspec.Struct, frozen=True):
    """What a role must know that joins the instance from beside it (`penstock run edge`): above all, its log."""

    nats_url: str
    nats_token: str
    nats_certificate_authority: str
    nats_monitoring: list[str]
    shards: int
    control_port: int
    roles: list[str]
    """Those that run already."""
    is_log_embedded: bool = False
    """Whether the log's store is in the data directory."""


class RunRecord(msgspec.Struct, frozen=True):
    """`token` opens the local operations under `/penstock/` and nothing else; it is new at every start.

    The file is its owner's alone: `join` holds the way into the log.
    """

    url: str
    pid: int
    token: str
    processes: list[ProcessRecord] = []
    join: JoinRecord | None = None
    certificate: str = ""
    """The file of the certificate that the address shows, where it is https."""


def read_run_record(data: Path) -> RunRecord | None:
    """The record of the instance that runs on this data directory, or None."""
    try:
        return msgspec.json.decode((data / "run.json").read_bytes(), type=RunRecord)
    except (FileNotFoundError, msgspec.MsgspecError):
        return None
