"""The process is stopped at each gap and killed there; then another one goes on."""

import asyncio
import os
import sys
import time
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from penstock.catalog.warehouses.duckdb import QueryLimits, query_file
from penstock.infra.calls import CallTimedOut, RoleDown
from penstock.infra.facts import read_facts
from penstock.kit.settings import environment_of

from .conftest import event

CODE = "from penstock.processes.warehousing import main; main()"
FRAMES = 12


@asynccontextmanager
async def process(installation, tmp_path):
    environment = {**os.environ, **environment_of(installation.settings), "PENSTOCK_FAULTS_DIR": str(tmp_path)}
    child = await asyncio.create_subprocess_exec(sys.executable, "-c", CODE, env=environment)
    try:
        yield child
    finally:
        if child.returncode is None:
            child.kill()
        await child.wait()


async def stopped_at(tmp_path, name):
    deadline = time.monotonic() + 60
    while not list(tmp_path.glob(f"{name}.*")):
        assert time.monotonic() < deadline
        await asyncio.sleep(0.01)


async def synced(installation):
    """The report of the first sync that a starting process answers."""
    deadline = time.monotonic() + 60
    while True:
        try:
            return await installation.sync()
        except (RoleDown, CallTimedOut):  # it may have been asked of the one that was killed
            assert time.monotonic() < deadline
            await asyncio.sleep(0.02)


async def reported(log, least):
    """So many sync records, and those that come within half a second of them."""
    records = []
    try:
        async with asyncio.timeout(60) as deadline:
            async for _, head in read_facts(log, 1):
                records += head.syncs
                if len(records) >= least:
                    deadline.reschedule(asyncio.get_running_loop().time() + 0.5)
    except TimeoutError:
        return records


CASES = [
    ("warehousing.in_transaction", 1),
    ("warehousing.before_load", 2),
    ("warehousing.in_transaction", 2),
    ("warehousing.after_commit", 2),
]


@pytest.mark.parametrize(("gap", "passes"), CASES)
async def test_a_kill_loses_and_doubles_nothing(installation, tmp_path, gap, passes):
    async with process(installation, tmp_path):
        for number in range(passes):
            await installation.route(*(event(f"{number}-{index}") for index in range(FRAMES)))
            if number == passes - 1:
                (tmp_path / gap).write_text("stop")
            asking = asyncio.create_task(synced(installation))
            if number < passes - 1:
                await asking
        await stopped_at(tmp_path, gap)
    asking.cancel()
    await asyncio.gather(asking, return_exceptions=True)
    async with process(installation, tmp_path):
        await synced(installation)
        records = await reported(installation.log, passes)
    file = Path(installation.settings.data) / "warehouse" / "penstock.duckdb"
    for table in ("tracks", "order_done"):
        found = query_file(file, f"SELECT count(*), count(DISTINCT id) FROM shop.{table}", QueryLimits(1, 5.0, 128))
        assert found.rows == [[passes * FRAMES, passes * FRAMES]]
    assert [record["count"] for record in records] == [2 * FRAMES] * passes
    assert len({record["id"] for record in records}) == passes
