"""`penstock up`: the whole tree under one supervisor, on one locked data directory, behind one address."""

import asyncio
import os
import secrets
import signal
from collections.abc import Callable
from functools import partial
from pathlib import Path

import msgspec
import structlog

from penstock.client.run_record import RunRecord
from penstock.infra.disk import DirectoryRoom
from penstock.infra.log.server import EmbeddedServer
from penstock.infra.secrets import Sealer
from penstock.kit.ports import free_port
from penstock.kit.settings import Settings, environment_of
from penstock.processes.alone import join_record
from penstock.processes.child import Child, python_child
from penstock.processes.data_directory import DataDirectory, forget_ready, records_of, write_atomically
from penstock.processes.environment import EMBEDDED_VARIABLE, LOCAL_TOKEN_VARIABLE, OWN_PORTS_VARIABLE, PORT_VARIABLE
from penstock.processes.log_engine import prepare_log, server_start
from penstock.processes.ports import settled_port
from penstock.processes.public_port import address_of, require_certificate
from penstock.processes.readiness import FirstRun, StartRefused, unless_stopped, wait_until_ready
from penstock.processes.revival import revive, storage_limit
from penstock.spec.disk import Level

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
        require_certificate(settings)
        self._control_port = free_port()
        self._settings = msgspec.structs.replace(settings, port=port, data=str(directory.path))
        self._url = address_of(self._settings)
        self._directory = directory
        self._token = secrets.token_urlsafe(32)
        self._children: dict[str, Child] = {}
        self._reviving: asyncio.Task[None] | None = None

    async def run(self, ready_file: Path | None, announce: Announce) -> None:
        stop = asyncio.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
        try:
            await self._start()
            first_run = await unless_stopped(stop, self._until_ready())
            if first_run is not None:
                self._tell(first_run, ready_file, announce)
                await stop.wait()
        finally:
            await self._stop()

    async def _until_ready(self) -> FirstRun:
        control = f"http://127.0.0.1:{self._control_port}"
        short = partial(DirectoryRoom(self._settings).reason, Level.SCARCE)
        return await wait_until_ready(control, self._url, self._settings.tls_cert, self._token, self._failed, short)

    async def _start(self) -> None:
        # Made before the roles, which would otherwise race to make it.
        Sealer.load(self._directory.path, os.environ)
        ports = [] if self._settings.nats_url else await self._start_log()
        await prepare_log(self._settings, is_embedded=bool(ports))
        environment = self._environment(ports)
        for role in ROLES:
            await self._add(role, Child(role, python_child(f"penstock.processes.{role}", environment), self._record))

    async def _start_log(self) -> list[int]:
        """Start the embedded log engine, which the settings then name; returns its ports."""
        limit = partial(storage_limit, self._settings)
        server = EmbeddedServer(self._directory.path / "nats", storage_limit=limit)
        await self._add("log", Child("log", server_start(server), self._record))
        self._reviving = asyncio.create_task(revive(server, self._settings), name="revival of the log engine")
        self._settings = msgspec.structs.replace(
            self._settings,
            nats_url=server.url,
            nats_token=server.token,
            nats_monitoring=(f"http://127.0.0.1:{server.monitoring_port}",),
            nats_replicas=1,
        )
        return [server.port, server.monitoring_port]

    async def _add(self, name: str, child: Child) -> None:
        self._children[name] = child
        await child.start()

    def _environment(self, log_ports: list[int]) -> dict[str, str]:
        ports = map(str, (self._settings.port, self._control_port, *log_ports))
        return environment_of(self._settings) | {
            PORT_VARIABLE: str(self._control_port),
            LOCAL_TOKEN_VARIABLE: self._token,
            OWN_PORTS_VARIABLE: ",".join(ports),
            **({EMBEDDED_VARIABLE: "1"} if log_ports else {}),
        }

    def _record(self) -> None:
        pids = [os.getpid(), *(child.pid for child in self._children.values() if child.pid)]
        join = join_record(self._settings, self._control_port, ROLES, is_log_embedded="log" in self._children)
        certificate = self._settings.tls_cert
        self._directory.record(RunRecord(self._url, os.getpid(), self._token, records_of(pids), join, certificate))

    def _failed(self) -> str:
        """The roles that do not stay up. Raises StartRefused where one will not, with these settings."""
        if refusing := ", ".join(child.name for child in self._children.values() if child.is_refusing):
            raise StartRefused(f"{refusing} cannot start with these settings, for the reason logged above")
        return ", ".join(child.name for child in self._children.values() if child.restarts > 2)

    def _tell(self, first_run: FirstRun, ready_file: Path | None, announce: Announce) -> None:
        ready = ReadyFile(self._url, first_run.token, first_run.write_key, os.getpid())
        if ready_file is not None:
            write_atomically(ready_file.absolute(), msgspec.json.encode(ready).decode())
        announce(ready)

    async def _stop(self) -> None:
        if self._reviving is not None:
            self._reviving.cancel()
        for name in STOP_ORDER:
            if name in self._children:
                await self._children[name].stop(self._settings.drain_seconds)


async def up(settings: Settings, ready_file: Path | None, announce: Announce) -> None:
    """Run the tree until it is told to stop. Raises DataDirectoryError, PortTaken, ReadyTimeout."""
    with DataDirectory(Path(settings.data)) as directory:
        for pid in directory.end_left_overs():
            logger.warning("A left-over process was ended.", pid=pid)
        forget_ready(ready_file)
        await Supervisor(settings, directory).run(ready_file, announce)
