"""The edge's process: the public port, served until it is told to stop."""

import gc
import os

import structlog

from penstock.infra.calls import CallServer
from penstock.infra.snapshots import SnapshotView
from penstock.ingest.application import build_edge
from penstock.processes.role import Role, run_role
from penstock.processes.rsgi_server import RsgiServer
from penstock.spec.calls import RoleStatus

logger = structlog.get_logger(__name__)


async def serve(role: Role) -> None:
    """Take requests from the moment the snapshots are read; neither the control API nor the engine is waited for."""
    view = await SnapshotView.open(role.log)
    edge = build_edge(role.settings, role.log, view, role.clock, int(os.environ.get("PENSTOCK_CONTROL_PORT") or 0))
    calls = CallServer(role.log, "edge")
    await calls.answer(RoleStatus, edge.status)
    # Requests leave no cycles behind; what stands now stands for ever, and is not to be walked again and again.
    gc.freeze()
    gc.set_threshold(100_000, 20, 20)
    server = RsgiServer(edge, role.settings.host, role.settings.port)
    logger.info("The edge listens.", host=role.settings.host, port=role.settings.port)
    try:
        await role.stop.wait()
    finally:
        # A second of the drain is kept for closing what the requests needed.
        await server.stop(max(1.0, role.settings.drain_seconds - 2.0))
        await edge.drain(1.0)
        await calls.close()
        await edge.close()
        await view.close()


def main() -> None:
    run_role("edge", serve)


if __name__ == "__main__":
    main()
