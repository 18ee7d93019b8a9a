"""The warehousing process: snapshots in, rows and sync records out."""

import os
from pathlib import Path

from penstock.infra.secrets import Sealer
from penstock.infra.snapshots import SnapshotView
from penstock.processes.role import Role, run_role, run_until_stopped
from penstock.warehousing import WarehousingRole, serve_calls


def main() -> None:
    run_role("warehousing", serve)


async def serve(role: Role) -> None:
    """Run the role until it is told to stop."""
    view = await SnapshotView.open(role.log)
    try:
        warehousing = WarehousingRole(role.settings, role.log, view, role.clock, _opener(role))
        calls = await serve_calls(warehousing)
        try:
            await run_until_stopped(role.stop, warehousing.run())
        finally:
            await calls.close()
    finally:
        await view.close()


def _opener(role: Role) -> Sealer:
    return Sealer.load(Path(role.settings.data), os.environ)


if __name__ == "__main__":
    main()
