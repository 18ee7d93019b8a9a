"""Ten thousand hostile requests on every route: each answered in time, none with 5xx, and memory stays where it was."""

import asyncio
import gzip
import json
import random
import time

import pytest

from penstock.ingest.tracking import ROUTES

pytestmark = pytest.mark.asyncio(loop_scope="module")

REQUESTS, CONNECTIONS = 10_000, 16
GROWTH_MEGABYTES = 64
KEY = b"a25vd25LRVkwMTIzNDU2Nzg5YWJjZGVmZ2hpamtsbW46"
FIELDS = (
    *("messageId", "userId", "anonymousId", "event", "properties", "traits", "context", "integrations", "timestamp"),
    *("sentAt", "type", "groupId", "previousId", "name", "category", "writeKey", "_metadata", "batch"),
)
VALUES = (
    *(b"null", b"0", b"-1", b"1e999", b"9" * 5_000, b"true", b'""', b'"x"', b"[]", b"{}", b'"\\ud800"', b'"\xff"'),
    *(b"[" * 200 + b"]" * 200, b'{"a":' * 200 + b"1" + b"}" * 200, b'"' + b"y" * 3_000 + b'"', b"NaN", b'"\\u0000"'),
)
BOMB = gzip.compress(b'{"batch":[' + b" " * (20 << 20) + b"]}")


def hostile(chosen: random.Random) -> tuple[bytes, bytes]:
    """(extra header, body)."""
    kind = chosen.randrange(12)
    if kind == 0:
        return b"Content-Encoding: gzip\r\n", BOMB if chosen.random() < 0.2 else gzip.compress(chosen.randbytes(50))
    if kind == 1:
        return b"", chosen.randbytes(chosen.randrange(300))
    if kind == 2:
        return b"", b"[" * chosen.randrange(30_000)
    members = b",".join(
        json.dumps(chosen.choice(FIELDS)).encode() + b":" + chosen.choice(VALUES) for _ in range(chosen.randrange(9))
    )
    event = b"{" + members + b"}"
    if kind < 8:
        return b"", event
    batch = (
        b'{"batch":[' + b",".join([event] * chosen.randrange(1, 20)) + b'],"context":' + chosen.choice(VALUES) + b"}"
    )
    return (b"", batch) if kind < 11 else (b"Content-Encoding: gzip\r\n", gzip.compress(batch))


async def send(port: int, seed: int, count: int) -> tuple[set[int], float]:
    """(statuses, longest time of an answer)."""
    chosen = random.Random(seed)
    paths = sorted(ROUTES)
    statuses, longest = set(), 0.0
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for _ in range(count):
        extra, body = hostile(chosen)
        head = b"POST %b HTTP/1.1\r\nHost: x\r\nAuthorization: Basic %b\r\n%bContent-Length: %d\r\n\r\n"
        started = time.monotonic()
        writer.write(head % (chosen.choice(paths).encode(), KEY, extra, len(body)) + body)
        answer = await reader.readuntil(b"\r\n\r\n")
        statuses.add(int(answer.split(b" ", 2)[1]))
        length = next(line for line in answer.lower().split(b"\r\n") if line.startswith(b"content-length:"))
        await reader.readexactly(int(length.split(b":")[1]))
        longest = max(longest, time.monotonic() - started)
    writer.close()
    return statuses, longest


async def test_memory_stays_where_it_was_over_ten_thousand_hostile_requests(edge):
    await send(edge.port, 0, 300)  # what the first requests of a process make once
    before = edge.resident_megabytes()
    share = REQUESTS // CONNECTIONS
    found = await asyncio.gather(*(send(edge.port, seed, share) for seed in range(1, CONNECTIONS + 1)))
    assert set().union(*(statuses for statuses, _ in found)) == {200, 400}
    assert max(longest for _, longest in found) < 2
    assert edge.resident_megabytes() < before + GROWTH_MEGABYTES
