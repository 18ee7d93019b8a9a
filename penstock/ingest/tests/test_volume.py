"""Ten thousand hostile requests on every route: each answered in time, none with 5xx, and memory stays where it was."""

import asyncio
import random
import time
from collections import Counter
from contextlib import closing

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from penstock.testing.hostile_requests import request

pytestmark = pytest.mark.asyncio(loop_scope="module")

REQUESTS, CONNECTIONS = 10_000, 16
GROWTH_MEGABYTES = 64


class Sender:
    """Sends on one connection as long as the server keeps it: it need not, where it left a body unread."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._writer = None

    async def ask(self, method: str, content: bytes) -> int:
        """The status; 0 where even a new connection is closed without an answer."""
        if self._writer is not None:
            try:
                return await self._ask(method, content)
            except (ConnectionError, asyncio.IncompleteReadError):
                self.close()
        self._reader, self._writer = await asyncio.open_connection("127.0.0.1", self._port)
        try:
            return await self._ask(method, content)
        except (ConnectionError, asyncio.IncompleteReadError):
            return 0

    async def _ask(self, method: str, content: bytes) -> int:
        self._writer.write(content)
        head = (await self._reader.readuntil(b"\r\n\r\n")).lower()
        status = int(head.split(b" ", 2)[1])
        if method != "HEAD" and status not in {204, 304}:
            length = next(line for line in head.split(b"\r\n") if line.startswith(b"content-length:"))
            await self._reader.readexactly(int(length.split(b":")[1]))
        return status

    def close(self) -> None:
        if self._writer is not None:
            self._writer.close()
            self._writer = None


async def send(port: int, seed: int, count: int) -> tuple[Counter[int], float]:
    """(how often each status, longest time of an answer)."""
    chosen = random.Random(seed)
    statuses, longest = Counter(), 0.0
    with closing(Sender(port)) as sender:
        for _ in range(count):
            method, content = request(chosen)
            started = time.monotonic()
            statuses[await sender.ask(method, content)] += 1
            longest = max(longest, time.monotonic() - started)
    return statuses, longest


async def test_memory_stays_where_it_was_over_ten_thousand_hostile_requests(edge, report):
    await send(edge.port, 0, 300)  # what the first requests of a process make once
    before = edge.resident_megabytes()
    share = REQUESTS // CONNECTIONS
    found = await asyncio.gather(*(send(edge.port, seed, share) for seed in range(1, CONNECTIONS + 1)))
    statuses = sum((statuses for statuses, _ in found), Counter())
    longest, growth = max(longest for _, longest in found), edge.resident_megabytes() - before
    report.append(f"{REQUESTS:,} hostile requests: {dict(statuses)}; slowest {longest:.2f} s, memory + {growth:.0f} MB")
    assert statuses.keys() <= {200, 204, 304, 400, 404, 405}
    assert longest < 60
    assert growth < GROWTH_MEGABYTES


@settings(suppress_health_check=list(HealthCheck))
@given(st.randoms(use_true_random=False))
async def test_any_request_is_answered_in_time_and_none_makes_the_edge_fail(edge, chosen):
    """As above, but a request that does harm is made as small as it can be."""
    with closing(Sender(edge.port)) as sender:
        for _ in range(5):
            method, content = request(chosen)
            async with asyncio.timeout(30):
                assert 200 <= await sender.ask(method, content) < 500, content


@pytest.mark.parametrize(
    ("name", "count"), [("/v1/projects/{}/settings", 3_000), ("/analytics.js/v1/{}/analytics.min.js", 1_000)]
)
async def test_names_that_nobody_was_given_leave_nothing_behind(edge, name, count):
    before = edge.resident_megabytes()
    with closing(Sender(edge.port)) as sender:
        for number in range(count):
            address = name.format(f"{number:040000}")
            assert await sender.ask("GET", f"GET {address} HTTP/1.1\r\nHost: x\r\n\r\n".encode()) in {200, 404}
    assert edge.resident_megabytes() - before < GROWTH_MEGABYTES
