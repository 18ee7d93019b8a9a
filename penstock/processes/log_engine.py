"""The log engine as a child of the supervisor, and the streams that every role expects to be there."""

import os

from penstock.infra.log import Log
from penstock.infra.log.installation import prepare
from penstock.infra.log.server import EmbeddedServer
from penstock.kit.settings import Settings
from penstock.processes.child import Process, Start


class ServerProcess:
    """One run of the embedded server, seen as a process."""

    def __init__(self, server: EmbeddedServer) -> None:
        self._server = server
        self.pid = server.pid
        self.returncode: int | None = None

    async def wait(self) -> int:
        self.returncode = await self._server.wait()
        return self.returncode

    def send_signal(self, signal: int) -> None:
        os.kill(self.pid, signal)

    def kill(self) -> None:
        os.kill(self.pid, 9)


def server_start(server: EmbeddedServer) -> Start:
    """How to start `server` as a child, again on the same port and token."""

    async def start() -> Process:
        await server.start()
        return ServerProcess(server)

    return start


async def prepare_log(settings: Settings, *, is_embedded: bool, may_grow: bool = True) -> None:
    """Check the engine and make what streams are missing. Raises LogRefused with the line to change, LogUnavailable.

    What an embedded engine may store goes by the disk: where it is full, the start waits for room.
    """
    log = await connect(settings, "supervisor")
    try:
        await prepare(
            log,
            settings.shards,
            replicas=settings.nats_replicas,
            monitoring=settings.nats_monitoring,
            may_grow=may_grow,
            least_storage=0 if is_embedded else settings.low_disk_megabytes << 20,
        )
    finally:
        await log.close()


async def connect(settings: Settings, name: str) -> Log:
    """The log that the settings name. Raises LogUnavailable, LogRefused."""
    return await Log.connect(
        settings.nats_url,
        token=settings.nats_token,
        certificate_authority=settings.nats_certificate_authority,
        name=name,
    )
