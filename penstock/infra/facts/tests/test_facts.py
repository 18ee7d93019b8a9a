"""Facts from their writers to the fold, over a real server."""

import asyncio
from contextlib import aclosing

import pytest

from penstock.infra.facts import FactGapError, FactWriter, read_facts
from penstock.infra.log import Log, LogUnavailable
from penstock.infra.log.installation import ensure_streams
from penstock.spec.facts import CountedOutcome
from penstock.testing.cutting_proxy import CuttingProxy

COUNTED = CountedOutcome("w1", "s1", "", "", "received", "", "track", "Signed Up", 1, 3)


@pytest.fixture
async def facts_log(own_nats_server):
    log = await Log.connect(own_nats_server.url, token=own_nats_server.token)
    await ensure_streams(log, 1, storage="memory")
    yield log
    await log.close()


async def take(log, start, count):
    async with asyncio.timeout(30), aclosing(read_facts(log, start)) as facts:
        return [await anext(facts) for _ in range(count)]


async def test_a_fact_is_read_as_it_was_written(facts_log):
    writer = await FactWriter(facts_log, "pipeline", 0).open()
    assert writer.watermark == 0
    sequence = await writer.write(stream="ACCEPTED-0", after=0, to=7, outcomes=[COUNTED])
    [(found, head)] = await take(facts_log, 1, 1)
    assert found == sequence
    assert (head.role, head.shard, head.stream, head.after, head.to) == ("pipeline", 0, "ACCEPTED-0", 0, 7)
    assert head.outcomes == [COUNTED]


async def test_a_writer_begins_where_the_last_one_ended(facts_log):
    first = await FactWriter(facts_log, "pipeline", 0).open()
    await first.write(stream="S", after=0, to=7)
    second = await FactWriter(facts_log, "pipeline", 0).open()
    assert second.watermark == 7
    await second.write(stream="S", after=7, to=9)


async def test_a_gap_and_an_overlap_are_refused(facts_log):
    writer = await FactWriter(facts_log, "pipeline", 0).open()
    await writer.write(stream="S", after=0, to=7)
    for after, to in ((8, 9), (6, 9), (7, 6)):
        with pytest.raises(FactGapError) as caught:
            await writer.write(stream="S", after=after, to=to)
        assert caught.value.watermark == 7
    assert (await facts_log.state("FACTS")).messages == 1


async def test_a_second_writer_of_the_same_range_is_refused(facts_log):
    first = await FactWriter(facts_log, "pipeline", 0).open()
    second = await FactWriter(facts_log, "pipeline", 0).open()
    await first.write(stream="S", after=0, to=7)
    with pytest.raises(FactGapError) as caught:
        await second.write(stream="S", after=0, to=5)
    assert caught.value.watermark == second.watermark == 7
    await second.write(stream="S", after=7, to=8)


async def test_roles_and_shards_do_not_disturb_one_another(facts_log):
    for role, shard in (("pipeline", 0), ("pipeline", 1), ("delivery", 0)):
        await (await FactWriter(facts_log, role, shard).open()).write(stream="S", after=0, to=1)
    heads = [head for _, head in await take(facts_log, 1, 3)]
    assert [(head.role, head.shard) for head in heads] == [("pipeline", 0), ("pipeline", 1), ("delivery", 0)]


async def test_a_damaged_fact_is_skipped_and_the_next_is_read(facts_log):
    await facts_log.append("facts.pipeline.0", b"rubbish")
    await (await FactWriter(facts_log, "delivery", 0).open()).write(stream="S", after=0, to=1)
    [(sequence, _)] = await take(facts_log, 1, 1)
    assert sequence == 2


async def test_after_a_kill_the_writer_finds_out_what_was_stored(own_nats_server):
    log = await Log.connect(own_nats_server.url, token=own_nats_server.token)
    await ensure_streams(log, 1)
    writer = await FactWriter(log, "pipeline", 0).open()
    await writer.write(stream="S", after=0, to=1)
    await own_nats_server.kill()
    await own_nats_server.start()
    await log.wait_connected(3)
    assert (await writer.open()).watermark == 1
    await writer.write(stream="S", after=1, to=2)
    await log.close()


async def test_a_fact_whose_answer_was_lost_is_neither_lost_nor_doubled(own_nats_server):
    async with CuttingProxy(own_nats_server.port) as proxy:
        log = await Log.connect(f"nats://127.0.0.1:{proxy.port}", token=own_nats_server.token)
        await ensure_streams(log, 1, storage="memory")
        writer = await FactWriter(log, "pipeline", 0).open()
        await writer.write(stream="S", after=0, to=1)
        proxy.cut_at_answer(b'"seq":')
        with pytest.raises(LogUnavailable):
            await writer.write(stream="S", after=1, to=2)
        await log.wait_connected(3)
        with pytest.raises(FactGapError) as caught:
            await writer.write(stream="S", after=1, to=2)
        assert caught.value.watermark == 2
        await writer.write(stream="S", after=2, to=3)
        assert [(head.after, head.to) for _, head in await take(log, 1, 3)] == [(0, 1), (1, 2), (2, 3)]
        await log.close()
