"""SIGKILL at the two gaps of the loop: before the append nothing is there, after it the index catches up."""

import asyncio
import os
import signal
import sys

import pytest

from penstock.infra.log import Log
from penstock.infra.log.installation import ensure_streams
from penstock.infra.snapshots import SnapshotStore, SnapshotView
from penstock.kit.clock import SystemClock
from penstock.kit.settings import Settings
from penstock.pipeline.engine import PipelineEngine
from penstock.spec import accepted, routed
from penstock.spec.snapshot import SnapshotKind
from penstock.spec.streams import SNAPSHOTS

DEADLINE = 15.0
ENGINE = """
import asyncio, sys
from penstock.infra.log import Log
from penstock.infra.snapshots import SnapshotView
from penstock.kit.clock import SystemClock
from penstock.kit.settings import Settings
from penstock.pipeline.engine import PipelineEngine

async def main(url, token, data):
    log = await Log.connect(url, token=token, name="engine")
    await PipelineEngine(Settings(data=data), log, await SnapshotView.open(log), SystemClock()).run()

asyncio.run(main(*sys.argv[1:]))
"""


async def wait_until(holds):
    async with asyncio.timeout(DEADLINE):
        while not await holds():
            await asyncio.sleep(0.01)


@pytest.mark.parametrize("gap", ["pipeline.before_append", "pipeline.after_append"])
async def test_a_kill_at_a_gap_loses_nothing_and_doubles_nothing(own_nats_server, tmp_path, build, gap):
    log = await Log.connect(own_nats_server.url, token=own_nats_server.token, name="test")
    await ensure_streams(log, 1)
    await SnapshotStore(await log.bucket(SNAPSHOTS)).publish(SnapshotKind.SOURCE, build.source())
    faults = tmp_path / "faults"
    faults.mkdir()
    (faults / gap).write_text("stop")
    for number in range(1, 4):
        ids = (f"m{number}", "again")
        events = [{"type": "track", "event": "E", "userId": "u", "messageId": one} for one in ids]
        payload = build.frame(build.request(events), number=number)
        last = await log.append(accepted.subject(0, "edge1"), payload)
    child = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-c", ENGINE, own_nats_server.url, own_nats_server.token, str(tmp_path)),
        env=os.environ | {"PENSTOCK_FAULTS_DIR": str(faults)},
    )

    async def has_stopped():
        return bool(list(faults.glob(f"{gap}.*")))

    await wait_until(has_stopped)
    child.send_signal(signal.SIGKILL)
    await child.wait()
    stored = (await log.state(routed.stream_name(0))).messages
    assert stored == (0 if gap == "pipeline.before_append" else 1)

    view = await SnapshotView.open(log)
    engine = PipelineEngine(Settings(data=str(tmp_path)), log, view, SystemClock())
    running = asyncio.create_task(engine.run())

    async def has_covered():
        return engine.position.covers == last

    await wait_until(has_covered)
    engine.stop()
    await running
    heads = [routed.decoder.head(message.payload) for message in await log.get_batch(routed.stream_name(0), 1)]
    assert [head.covers for head in heads] == [1, 2, 3]
    assert [row.message_id for head in heads for row in head.rows] == ["m1", "again", "m2", "m3"]
    await view.close()
    await log.close()
