"""A whole Penstock as a user starts it: `penstock up` in a process of its own, driven from outside over HTTP."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from http import HTTPStatus
from pathlib import Path
from typing import Any, Self

import httpx

from penstock.client.local import LocalClient, Refused

START_SECONDS = 70.0
"""Longer than `penstock up` waits itself, so that its own words tell what is missing."""


def wait_until(condition: Callable[[], Any], seconds: float = 90.0, what: str = "the state") -> Any:
    """The first true value of `condition`; an AssertionError that names the state after `seconds`."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if value := condition():
            return value
        time.sleep(0.02)
    raise AssertionError(f"{what} was not reached in {seconds} s")


class Instance:
    """`penstock up --port 0` on one data directory. A context; SIGKILL and a new start are part of its life."""

    def __init__(self, data: Path, environment: Mapping[str, str] | None = None) -> None:
        self.data = data
        self.environment = dict(environment or {})
        self._process: subprocess.Popen[bytes] | None = None
        self._port = 0
        self.ready: dict[str, Any] = {}

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def url(self) -> str:
        return str(self.ready["url"])

    @property
    def pid(self) -> int:
        return int(self.ready["pid"])

    def start(self, environment: Mapping[str, str] | None = None) -> None:
        """Start and wait until ready; a second start takes the port of the first, so that clients find it again."""
        ready_file = self.data.with_name(self.data.name + ".ready")
        ready_file.unlink(missing_ok=True)
        log = self.data.with_name(self.data.name + ".log").open("ab")
        command = [sys.executable, "-m", "penstock.cli", "up", "--port", str(self._port), "--data", str(self.data)]
        self._process = subprocess.Popen(
            [*command, "--ready-file", str(ready_file)],
            env={**os.environ, **self.environment, **(environment or {})},
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
        log.close()
        wait_until(lambda: ready_file.exists() or self._has_ended(), START_SECONDS, "a ready instance")
        self.ready = json.loads(ready_file.read_text())
        self._port = int(self.url.rpartition(":")[2])

    def _has_ended(self) -> bool:
        assert self._process is not None
        if (status := self._process.poll()) is not None:
            raise AssertionError(f"penstock up ended with {status}: {self.log()[-4000:]}")
        return False

    def log(self) -> str:
        return self.data.with_name(self.data.name + ".log").read_text(errors="replace")

    def stop(self, seconds: float = 90.0) -> int:
        """SIGTERM and wait; the exit status."""
        assert self._process is not None
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
        return self._process.wait(seconds)

    def kill_all(self) -> None:
        """SIGKILL of every process of the tree at once, supervisor first."""
        pids = self.pids()
        os.kill(self.pid, signal.SIGKILL)
        for pid in pids:
            kill(pid)
        assert self._process is not None
        self._process.wait(10)

    def pids(self) -> list[int]:
        """Every process of the tree but the supervisor."""
        return descendants(self.pid)

    def pid_of(self, role: str) -> int:
        """The process of one role: `edge`, `engine`, `control`, `warehousing`, `log` (nats-server), `runner` (Deno)."""
        marks = {"log": "nats-server", "runner": "runner.js"}
        mark = marks.get(role, f"penstock.processes.{role}")
        return int(wait_until(lambda: _first(self.pids(), mark), 30, f"a process of {role}"))

    def api(self) -> httpx.Client:
        """A client of the Public API with the first token."""
        headers = {"Authorization": f"Bearer {self.ready['token']}"}
        return httpx.Client(base_url=self.url, headers=headers, timeout=30)

    def command(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run `penstock …` beside the instance, on its data directory."""
        command = [sys.executable, "-m", "penstock.cli", arguments[0], "--data", str(self.data), *arguments[1:]]
        environment = {**os.environ, **self.environment}
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=check, timeout=330)

    def local(self) -> LocalClient:
        """What `penstock sync`, `sql` and `status` ask."""
        return LocalClient(self.data)

    def sync(self) -> dict[str, Any]:
        """As `penstock sync`, without the start of a process."""
        report = self._asked("/penstock/sync", {}, 300)
        assert not report["errors"], report["errors"]
        return report

    def sql(self, statement: str, rows: int = 100_000) -> list[dict[str, Any]]:
        """As `penstock sql --json`, without the start of a process."""
        body = {"statement": statement, "rowLimit": rows, "secondsLimit": 60}
        answer = self._asked("/penstock/sql", body, 70)
        assert not answer["error"], answer["error"]
        assert not answer["is_truncated"]
        return [dict(zip(answer["columns"], row, strict=True)) for row in answer["rows"]]

    def _asked(self, path: str, body: dict[str, Any], seconds: float) -> dict[str, Any]:
        """The answer; of a role that is just starting anew, once it has."""
        deadline = time.monotonic() + START_SECONDS
        while True:
            try:
                answer: dict[str, Any] = self.local().post(path, body, seconds)
            except Refused as error:
                if error.status != HTTPStatus.SERVICE_UNAVAILABLE or time.monotonic() > deadline:
                    raise
                time.sleep(0.1)
            else:
                return answer


def _first(pids: list[int], mark: str) -> int | None:
    matching = [pid for pid in pids if mark in command_line(pid)]
    return min(matching) if matching else None


def command_line(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return ""


def descendants(pid: int) -> list[int]:
    """Living processes below `pid`, nearest first."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = entry.read_text().rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            continue
        if fields[0] != "Z":
            children.setdefault(int(fields[1]), []).append(int(entry.parent.name))
    found: list[int] = []
    waiting = [pid]
    while waiting:
        below = children.get(waiting.pop(0), [])
        found += below
        waiting += below
    return found


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def kill(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return
