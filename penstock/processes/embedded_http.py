"""An ASGI application under Granian inside this process, on loopback, until it is cancelled."""

import asyncio

from granian.constants import HTTPModes, Interfaces
from granian.server.embed import Server

from penstock.resources.application import Asgi

_STOP_SECONDS = 5.0


async def serve_http(application: Asgi, port: int) -> None:
    """Serve until cancelled, then let what runs end within a deadline."""
    server = Server(
        application,
        address="127.0.0.1",
        port=port,
        interface=Interfaces.ASGINL,
        http=HTTPModes.http1,
        websockets=False,
        log_enabled=False,
    )
    serving = asyncio.ensure_future(server.serve())
    try:
        await asyncio.shield(serving)
    finally:
        server.stop()
        await asyncio.wait([serving], timeout=_STOP_SECONDS)
