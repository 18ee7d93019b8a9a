"""One role as a user runs it beside others: `penstock run …` in a process of its own."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

from penstock.testing.instance import START_SECONDS, wait_until


class LoneRole:
    """`penstock run <role>` with the data directory, the flags and the environment given. A context; killed at will."""

    def __init__(
        self, role: str, data: Path, folder: Path, *flags: str, environment: Mapping[str, str] | None = None
    ) -> None:
        self._command = [sys.executable, "-m", "penstock.cli", "run", role, "--data", str(data), *flags]
        self._environment = {**os.environ, **(environment or {})}
        self._log = folder / f"{role}-{id(self):x}.log"
        self._ready_file = self._log.with_suffix(".ready")
        self._process: subprocess.Popen[bytes] | None = None
        self._port = ""
        self.ready: dict[str, Any] = {}

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._process is not None and self._process.poll() is None:
            self.stop()

    @property
    def url(self) -> str:
        return str(self.ready["url"])

    @property
    def pid(self) -> int:
        return int(self.ready["pid"])

    def start(self) -> None:
        """Start and wait until ready; a second start takes the port of the first."""
        self._ready_file.unlink(missing_ok=True)
        port = ["--port", self._port] if self._port else []
        with self._log.open("ab") as log:
            command = [*self._command, *port, "--ready-file", str(self._ready_file)]
            self._process = subprocess.Popen(
                command, env=self._environment, stdout=log, stderr=log, start_new_session=True
            )
        wait_until(lambda: self._ready_file.exists() or self._has_ended(), START_SECONDS, "a ready role")
        self.ready = json.loads(self._ready_file.read_text())
        self._port = self.url.rpartition(":")[2] if "url" in self.ready else ""

    def _has_ended(self) -> bool:
        assert self._process is not None
        if (status := self._process.poll()) is not None:
            raise AssertionError(f"penstock run ended with {status}: {self.log()[-4000:]}")
        return False

    def log(self) -> str:
        """Everything that it wrote."""
        return self._log.read_text(errors="replace")

    def kill(self) -> None:
        """SIGKILL, and wait for the end."""
        assert self._process is not None
        self._process.kill()
        self._process.wait(10)

    def stop(self, seconds: float = 30.0) -> int:
        """SIGTERM and wait; the exit status."""
        assert self._process is not None
        self._process.send_signal(signal.SIGTERM)
        return self._process.wait(seconds)
