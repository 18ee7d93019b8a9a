"""Writes every official definition as JSON, for the catalogue: `python -m penstock.js.describe FILE`."""

import asyncio
import sys
from pathlib import Path
from typing import Any

import msgspec

from penstock.infra.http import OutboundPolicy
from penstock.js.pool import PoolSettings, RunnerPool
from penstock.js.protocol import Operation, RunnerRequest


async def describe_all(pool: RunnerPool) -> dict[str, Any]:
    """The definition of each destination by metadata id, in the order of the package."""
    known = (await pool.call(RunnerRequest(operation=Operation.IDS))).data()
    found = {}
    for identifier in known:
        answer = await pool.call(RunnerRequest(operation=Operation.DESCRIBE, metadata_id=identifier))
        found[identifier] = answer.data()
    return found


async def _main() -> bytes:
    async with RunnerPool(OutboundPolicy(listens_on_loopback=False), PoolSettings(runners=1)) as pool:
        return msgspec.json.encode(await describe_all(pool))


if __name__ == "__main__":
    Path(sys.argv[1]).write_bytes(asyncio.run(_main()))
