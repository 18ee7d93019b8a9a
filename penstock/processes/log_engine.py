"""The log engine as a child of the supervisor, and the streams that every role expects to be there."""

import os

from penstock.infra.log import Log
from penstock.infra.log.installation import check_server, ensure_streams
from penstock.infra.log.server import EmbeddedServer
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


async def prepare_log(url: str, token: str, shards: int) -> None:
    """Check the engine and make what streams are missing. Raises LogRefused with the line to change."""
    log = await Log.connect(url, token=token, name="supervisor")
    try:
        check_server(log)
        await ensure_streams(log, shards)
    finally:
        await log.close()
