"""The data directory: one owner at a time, a version, and the record of what runs on it.

Errors:
    DataDirectoryError
    ├── DataDirectoryTaken     another Penstock runs on it; the message names its pid
    └── DataDirectoryTooNew    written by a newer release
"""

import contextlib
import fcntl
import os
import signal
from collections.abc import Iterable
from pathlib import Path
from typing import IO, Self

import msgspec

from penstock.client.run_record import ProcessRecord, RunRecord

VERSION = 1


class DataDirectoryError(Exception):
    """The data directory cannot be used."""


class DataDirectoryTaken(DataDirectoryError):  # noqa: N818 - the consequence is in the name
    """Another instance holds the lock."""


class DataDirectoryTooNew(DataDirectoryError):  # noqa: N818
    """A newer release wrote it."""


class DataDirectory:
    """An open, locked data directory. Raises DataDirectoryError where it cannot be had."""

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()
        self.path.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._lock = self._locked()
        try:
            self._check_version()
        except DataDirectoryError:
            self._lock.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(FileNotFoundError):
            self.run_file.unlink()
        self._lock.close()

    @property
    def run_file(self) -> Path:
        return self.path / "run.json"

    def _locked(self) -> IO[str]:
        lock = (self.path / "lock").open("a+")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as held:
            lock.seek(0)
            owner = lock.read().strip() or "unknown"
            lock.close()
            raise DataDirectoryTaken(f"{self.path} is in use by Penstock with pid {owner}") from held
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        return lock

    def _check_version(self) -> None:
        file = self.path / "VERSION"
        if not file.exists():
            write_atomically(file, f"{VERSION}\n")
        found = file.read_text().strip()
        if not found.isdigit() or int(found) > VERSION:
            raise DataDirectoryTooNew(f"{self.path} has version {found}; this release knows {VERSION}")

    def record(self, record: RunRecord) -> None:
        """Tell the commands that work beside this instance how to reach it. The file holds a token: 0600."""
        write_atomically(self.run_file, msgspec.json.encode(_with_absolute_files(record)).decode())

    def end_left_overs(self) -> list[int]:
        """Kill what a killed supervisor of this directory may have left running; returns the pids."""
        try:
            record = msgspec.json.decode(self.run_file.read_bytes(), type=RunRecord)
        except (FileNotFoundError, msgspec.MsgspecError):
            return []
        return [process.pid for process in record.processes if _kill_if_same(process)]


def _kill_if_same(process: ProcessRecord) -> bool:
    if process.pid == os.getpid() or start_time(process.pid) != process.started:
        return False
    with contextlib.suppress(ProcessLookupError):
        os.kill(process.pid, signal.SIGKILL)
    return True


def start_time(pid: int) -> str:
    """When the process was started, in the kernel's ticks: tells a pid from its successor. Empty where unknown."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
    except (FileNotFoundError, IndexError, ProcessLookupError):
        return ""


def _with_absolute_files(record: RunRecord) -> RunRecord:
    """Settings name files from the directory of the start; the record is read from any other."""
    join = record.join
    if join is not None:
        authority = _absolute(join.nats_certificate_authority)
        join = msgspec.structs.replace(join, nats_certificate_authority=authority)
    return msgspec.structs.replace(record, certificate=_absolute(record.certificate), join=join)


def _absolute(file: str) -> str:
    return str(Path(file).absolute()) if file else ""


def records_of(pids: Iterable[int]) -> list[ProcessRecord]:
    return [ProcessRecord(pid, start_time(pid)) for pid in pids]


def forget_ready(ready_file: Path | None) -> None:
    """Remove what an earlier run has left: a script that waits for the file would take it for this one's."""
    if ready_file is not None:
        ready_file.unlink(missing_ok=True)


def write_atomically(file: Path, text: str) -> None:
    """Readers see the old content or the new one, never a part. The file is readable by its owner alone."""
    temporary = file.with_name(f".{file.name}.{os.getpid()}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as stream:
        stream.write(text)
        stream.flush()
        os.fsync(stream.fileno())
    temporary.replace(file)
