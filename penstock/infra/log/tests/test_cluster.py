"""Three nodes: replicas are raised, positions are never stale, and a node that dies costs time, not messages."""

import asyncio
from contextlib import aclosing

import pytest

from penstock.infra.log import Log, LogUnavailable, SequenceMismatch, StreamSpec
from penstock.infra.log.installation import prepare
from penstock.infra.log.streams import api
from penstock.testing.nats_cluster import NatsCluster

SUBJECT = "s.a"


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    with NatsCluster(tmp_path_factory.mktemp("cluster")) as running:
        yield running


@pytest.fixture
async def logs(cluster):
    """A connection to each node."""
    logs = [await Log.connect(node.url, token=cluster.token) for node in cluster.nodes]
    yield logs
    for log in logs:
        await log.close()


async def replicas_of(log, stream):
    return (await api(log._link, f"STREAM.INFO.{stream}"))["config"]["num_replicas"]


async def test_replicas_are_raised_and_never_lowered(logs):
    for asked, found in ((1, 1), (3, 3), (1, 3)):
        await prepare(logs[0], 1, replicas=asked)
        for stream in ("ACCEPTED-0", "KV_snapshots"):
            assert await replicas_of(logs[1], stream) == found


async def test_what_was_stored_a_moment_ago_is_seen_from_every_node(logs):
    await logs[0].ensure_stream(StreamSpec("SEEN", ("seen.>",), replicas=3))
    last = 0
    for _ in range(50):
        for writer in logs:
            last = await writer.append("seen.a", b"x", expected_last=last)
            found = await asyncio.gather(*(log.last("SEEN", "seen.a") for log in logs))
            assert {message.sequence for message in found} == {last}
            batches = await asyncio.gather(*(log.get_batch("SEEN", last) for log in logs))
            assert [[message.sequence for message in batch] for batch in batches] == [[last]] * 3


async def write_through(log, count):
    """0 … count-1, once each, in order; only doubt is allowed on the way."""
    number, sequence = 0, 0
    while number < count:
        try:
            sequence = await log.append(SUBJECT, b"%d" % number, expected_last=sequence, timeout=1.0)
            number += 1
        except (LogUnavailable, SequenceMismatch):
            try:
                await log.wait_connected(5.0)
                last = await log.last("S", SUBJECT)
            except LogUnavailable:
                continue
            number, sequence = (int(last.payload) + 1, last.sequence) if last else (0, 0)
        await asyncio.sleep(0.001)


async def read_through(log, count):
    found = []
    async with aclosing(log.read("S", 1)) as messages:
        async for message in messages:
            found.append(int(message.payload))
            if len(found) == count:
                return found


async def test_writers_and_readers_pass_over_the_death_of_a_leader_exactly(cluster):
    count = 600
    writer, *readers = [await Log.connect(cluster.urls, token=cluster.token) for _ in range(4)]
    await writer.ensure_stream(StreamSpec("S", ("s.>",), replicas=3))
    reading = [asyncio.create_task(read_through(log, count)) for log in readers]
    writing = asyncio.create_task(write_through(writer, count))
    while (await writer.state("S")).last < 100:
        await asyncio.sleep(0.01)
    leader = await asyncio.to_thread(cluster.leader_of, "S")
    leader.kill()
    async with asyncio.timeout(60):
        await writing
        assert [await one for one in reading] == [list(range(count))] * 3
    leader.start()
    await asyncio.to_thread(cluster.wait_whole)
    for log in (writer, *readers):
        await log.close()
