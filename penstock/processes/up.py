"""`penstock up`: the whole tree under one supervisor, on one locked data directory, behind one address."""

import asyncio
import os
import secrets
import signal
from collections.abc import Callable, Coroutine
from pathlib import Path

import msgspec
import structlog

from penstock.client.run_record import RunRecord
from penstock.infra.log.server import EmbeddedServer
from penstock.infra.secrets import Sealer
from penstock.kit.settings import Settings, environment_of
from penstock.processes.child import Child, python_child
from penstock.processes.data_directory import DataDirectory, records_of, write_atomically
from penstock.processes.log_engine import prepare_log, server_start
from penstock.processes.ports import free_port, reachable, settled_port
from penstock.processes.readiness import FirstRun, wait_until_ready

logger = structlog.get_logger(__name__)
ROLES = ("control", "engine", "warehousing", "edge")
STOP_ORDER = ("edge", "engine", "warehousing", "control", "log")


class ReadyFile(msgspec.Struct, frozen=True, rename="camel"):
    """What `--ready-file` tells a script."""

    url: str
    token: str
    write_key: str
    pid: int


Announce = Callable[[ReadyFile], None]


class Supervisor:
    """The tree of one data directory. `run` returns when SIGINT or SIGTERM has stopped it cleanly."""

    def __init__(self, settings: Settings, directory: DataDirectory) -> None:
        port = settled_port(settings.host, settings.port)
        self._url = f"http://{reachable(settings.host)}:{port}"
        self._control_port = free_port()
        self._settings = msgspec.structs.replace(settings, port=port, data=str(directory.path))
        self._directory = directory
        self._token = secrets.token_urlsafe(32)
        self._children: dict[str, Child] = {}

    async def run(self, ready_file: Path | None, announce: Announce) -> None:
        stop = asyncio.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
        try:
            await self._start()
            control = f"http://127.0.0.1:{self._control_port}"
            readiness = wait_until_ready(control, self._url, self._token, self._failed)
            first_run = await _unless_stopped(stop, readiness)
            if first_run is not None:
                self._tell(first_run, ready_file, announce)
                await stop.wait()
        finally:
            await self._stop()

    async def _start(self) -> None:
        # Made before the roles, which would otherwise race to make it.
        Sealer.load(self._directory.path, os.environ)
        url, token, ports = await self._start_log()
        await prepare_log(url, token, self._settings.shards)
        environment = self._environment(ports) | {"PENSTOCK_NATS_URL": url, "PENSTOCK_NATS_TOKEN": token}
        for role in ROLES:
            await self._add(role, Child(role, python_child(f"penstock.processes.{role}", environment), self._record))

    async def _start_log(self) -> tuple[str, str, list[int]]:
        """URL, token and ports of the log engine: the external one, or the embedded one that is started here."""
        if self._settings.nats_url:
            return self._settings.nats_url, self._settings.nats_token, []
        server = EmbeddedServer(self._directory.path / "nats")
        await self._add("log", Child("log", server_start(server), self._record))
        return server.url, server.token, [server.port, server.monitoring_port]

    async def _add(self, name: str, child: Child) -> None:
        self._children[name] = child
        await child.start()

    def _environment(self, log_ports: list[int]) -> dict[str, str]:
        ports = [self._settings.port, self._control_port, *log_ports]
        return environment_of(self._settings) | {
            "PENSTOCK_CONTROL_PORT": str(self._control_port),
            "PENSTOCK_LOCAL_TOKEN": self._token,
            "PENSTOCK_OWN_PORTS": ",".join(map(str, ports)),
        }

    def _record(self) -> None:
        pids = [os.getpid(), *(child.pid for child in self._children.values() if child.pid)]
        self._directory.record(RunRecord(self._url, os.getpid(), self._token, records_of(pids)))

    def _failed(self) -> str:
        """The first role that does not stay up, for the message of a start that takes too long."""
        return ", ".join(child.name for child in self._children.values() if child.restarts > 2)

    def _tell(self, first_run: FirstRun, ready_file: Path | None, announce: Announce) -> None:
        ready = ReadyFile(self._url, first_run.token, first_run.write_key, os.getpid())
        if ready_file is not None:
            write_atomically(ready_file.absolute(), msgspec.json.encode(ready).decode())
        announce(ready)

    async def _stop(self) -> None:
        for name in STOP_ORDER:
            if name in self._children:
                await self._children[name].stop(self._settings.drain_seconds)


async def _unless_stopped(stop: asyncio.Event, work: Coroutine[None, None, FirstRun]) -> FirstRun | None:
    """What `work` returns, or None where the stop came first."""
    working, stopping = asyncio.ensure_future(work), asyncio.ensure_future(stop.wait())
    await asyncio.wait((working, stopping), return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    if working.done():
        return working.result()
    working.cancel()
    return None


async def up(settings: Settings, ready_file: Path | None, announce: Announce) -> None:
    """Run the tree until it is told to stop. Raises DataDirectoryError, PortTaken, ReadyTimeout."""
    with DataDirectory(Path(settings.data)) as directory:
        for pid in directory.end_left_overs():
            logger.warning("A left-over process was ended.", pid=pid)
        await Supervisor(settings, directory).run(ready_file, announce)
