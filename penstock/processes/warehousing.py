"""The warehousing process: snapshots in, rows and sync records out."""

import os
from pathlib import Path

from penstock.infra.calls import Audience
from penstock.infra.secrets import Sealer
from penstock.infra.snapshots import SnapshotView
from penstock.processes.announcing import announce
from penstock.processes.environment import outbound_policy
from penstock.processes.role import Role, run_role, run_until_stopped
from penstock.spec.tail import TailEvents, TailLine
from penstock.warehousing import WarehousingRole, serve_calls


def main() -> None:
    run_role("warehousing", serve)


async def serve(role: Role) -> None:
    """Run the role until it is told to stop."""
    view = await SnapshotView.open(role.log)
    tap: Audience[TailLine] = Audience(role.log, TailEvents, role.clock)
    await tap.open()
    try:
        warehousing = WarehousingRole(
            role.settings, role.log, view, role.clock, _opener(role), outbound_policy(role.settings), tap
        )
        calls = await serve_calls(warehousing)
        announce("warehousing")
        try:
            await run_until_stopped(role.stop, warehousing.run())
        finally:
            await calls.close()
    finally:
        await tap.close()
        await view.close()


def _opener(role: Role) -> Sealer:
    return Sealer.load(Path(role.settings.data), os.environ)


if __name__ == "__main__":
    main()
