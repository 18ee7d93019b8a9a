"""Stores bodies by group commit and answers 200, without looking at them: the ceiling of durable ingest."""

import asyncio
from typing import Any

from penstock.infra.log import Log
from penstock.processes.public_port import Listening
from penstock.processes.role import Role, run_role, run_until_stopped
from penstock.processes.rsgi_server import RsgiServer

HEADERS = [("content-type", "application/json")]


class GroupCommit:
    """Appends whatever has come while the append before was under way."""

    def __init__(self, log: Log) -> None:
        self._log = log
        self._waiting: list[tuple[bytes, asyncio.Future[None]]] = []
        self._arrived = asyncio.Event()

    async def __call__(self, _scope: Any, exchange: Any) -> None:
        stored: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        body = await exchange()
        self._waiting.append((body, stored))
        self._arrived.set()
        await stored
        exchange.response_bytes(200, HEADERS, b'{"success":true}')

    async def run(self) -> None:
        last = 0
        while True:
            await self._arrived.wait()
            self._arrived.clear()
            group, self._waiting = self._waiting, []
            last = await self._log.append("bare.writer", b"".join(body for body, _ in group), expected_last=last)
            for _, stored in group:
                if not stored.done():  # the server cancels requests whose client has gone
                    stored.set_result(None)


async def serve(role: Role) -> None:
    server = GroupCommit(role.log)
    listener = RsgiServer(server, Listening(role.settings.host, role.settings.port))
    try:
        await run_until_stopped(role.stop, server.run())
    finally:
        await listener.stop(2)


if __name__ == "__main__":
    run_role("commit", serve)
