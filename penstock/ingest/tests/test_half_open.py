"""Requests that never end: they cost neither the healthy clients nor the edge anything that lasts."""

import asyncio
import os
import time

import pytest

from penstock.testing.half_open import BEGINNINGS, HalfOpen

pytestmark = pytest.mark.asyncio(loop_scope="module")

EVENT = {"userId": "u-1", "event": "Step Done"}
COUNT = 200
"""Of each kind."""
LIMIT_SECONDS = 10


def open_files(edge) -> int:
    return len(os.listdir(f"/proc/{edge.process.pid}/fd"))


@pytest.mark.parametrize("kind", BEGINNINGS)
async def test_what_a_client_that_goes_leaves_half_open_is_closed(edge, kind):
    before = open_files(edge)
    async with HalfOpen(edge.port, 50, (kind,)):
        async with asyncio.timeout(30):
            while open_files(edge) < before + 40:
                await asyncio.sleep(0.02)
    async with asyncio.timeout(30):
        while open_files(edge) > before + 5:
            await asyncio.sleep(0.02)


async def test_a_thousand_half_open_requests_keep_no_healthy_one_waiting(edge):
    before = edge.resident_megabytes()
    async with HalfOpen(edge.port, COUNT) as slow:
        slow.drip(5)
        for _ in range(20):
            started = time.monotonic()
            assert (await edge.post("/v1/track", EVENT)).status_code == 200
            assert time.monotonic() - started < LIMIT_SECONDS
        assert slow.open().total() == COUNT * len(BEGINNINGS)
        assert edge.resident_megabytes() < before + 64


@pytest.mark.asyncio(loop_scope="function")
async def test_what_never_ends_is_ended_however_steadily_it_drips(start_edge):
    """The time is for the whole head or body, and for saying anything: a little more now and then buys none."""
    edge = await start_edge({"PENSTOCK_IDLE_SECONDS": "2", "PENSTOCK_BODY_SECONDS": "3"})
    async with HalfOpen(edge.port, 20) as slow:
        slow.drip(0.5)
        async with asyncio.timeout(LIMIT_SECONDS):
            while slow.open():
                assert (await edge.post("/v1/track", EVENT)).status_code == 200
                await asyncio.sleep(0.1)
        bodies = [kind for kind in BEGINNINGS if kind.endswith("body")]
        assert slow.answers() == {(kind, 408): 20 for kind in bodies}
