"""The edge's process: the public port, served until it is told to stop."""

import asyncio
import gc
import os

import structlog

from penstock.infra.calls import CallServer
from penstock.infra.disk import DiskWatch
from penstock.infra.snapshots import SnapshotView
from penstock.ingest.application import Edge, build_edge
from penstock.processes.announcing import announce
from penstock.processes.environment import EMBEDDED_VARIABLE, PORT_VARIABLE
from penstock.processes.public_port import address_of, listening_of
from penstock.processes.role import Role, run_role
from penstock.processes.rsgi_server import RsgiServer
from penstock.processes.silent_connections import close_silent_connections
from penstock.spec.calls import RoleStatus

logger = structlog.get_logger(__name__)


async def serve(role: Role) -> None:
    """Take requests from the moment the snapshots are read; neither the control API nor the engine is waited for."""
    view = await SnapshotView.open(role.log)
    disk = await DiskWatch.open(role.log, role.settings, is_embedded=EMBEDDED_VARIABLE in os.environ)
    edge = build_edge(role.settings, role.log, view, disk, role.clock, int(os.environ.get(PORT_VARIABLE) or 0))
    calls = CallServer(role.log, "edge")
    await calls.answer(RoleStatus, edge.status)
    # Requests leave no cycles behind; what stands now stands for ever, and is not to be walked again and again.
    gc.freeze()
    gc.set_threshold(100_000, 20, 20)
    server = RsgiServer(edge, listening_of(role.settings), edge.begin)
    logger.info("The edge listens.", host=role.settings.host, port=role.settings.port)
    announce("edge", address_of(role.settings))
    silent = asyncio.create_task(close_silent_connections(role.settings.port), name="silent connections")
    try:
        await role.stop.wait()
        await edge.leave(role.settings.leave_seconds)
    finally:
        silent.cancel()
        edge.end_streams()
        # A second of the drain is kept for closing what the requests needed.
        await stop_server(server, edge, role.settings.port, max(1.0, role.settings.drain_seconds - 2.0))
        await edge.drain(1.0)
        await calls.close()
        await edge.close()
        await disk.close()
        await view.close()


async def stop_server(server: RsgiServer, edge: Edge, port: int, seconds: float) -> None:
    """Let requests end. Connections that browsers keep for later, and have said nothing over, are not waited for."""
    closing = close_silent_connections(port, 1.0, unless=lambda: not edge.is_idle())
    silent = asyncio.create_task(closing, name="silent connections at the stop")
    await server.stop(seconds)
    silent.cancel()


def main() -> None:
    run_role("edge", serve)


if __name__ == "__main__":
    main()
