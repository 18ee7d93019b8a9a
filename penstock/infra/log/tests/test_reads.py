"""Reading the past, the tail, and both in one."""

import asyncio

import pytest

from penstock.infra.log import LogRefused, LogUnavailable, StreamSpec
from penstock.testing.endless import take


async def fill(log, subject, count, size=1):
    await asyncio.gather(*(log.append(subject, b"%d" % number * size) for number in range(count)))


class TestLast:
    async def test_there_is_none_where_nothing_was_appended(self, log, stream):
        name, subject = stream
        assert await log.last(name, f"{subject}.a") is None

    async def test_a_stream_that_is_not_there_is_refused(self, log):
        with pytest.raises(LogRefused):
            await log.last("NOWHERE", "a")


class TestGetBatch:
    async def test_it_begins_at_the_sequence_and_ends_at_the_count(self, log, stream):
        name, subject = stream
        await fill(log, f"{subject}.a", 10)
        assert [message.sequence for message in await log.get_batch(name, 4, max_messages=3)] == [4, 5, 6]
        assert [message.sequence for message in await log.get_batch(name, 9)] == [9, 10]
        assert await log.get_batch(name, 11) == []
        assert len(await log.get_batch(name, 0)) == 10

    async def test_bytes_bound_it_but_one_message_always_comes(self, log, stream):
        name, subject = stream
        await fill(log, f"{subject}.a", 6, size=100_000)
        assert len(await log.get_batch(name, 1, max_bytes=250_000)) in {2, 3}
        assert len(await log.get_batch(name, 1, max_bytes=10)) == 1

    async def test_a_subject_selects(self, log, stream):
        name, subject = stream
        for number in range(6):
            await log.append(f"{subject}.{'ab'[number % 2]}", b"x")
        assert [message.sequence for message in await log.get_batch(name, 1, subject=f"{subject}.b")] == [2, 4, 6]
        assert [message.sequence for message in await log.get_batch(name, 3, subject=f"{subject}.*")] == [3, 4, 5, 6]
        assert await log.get_batch(name, 1, subject=f"{subject}.c") == []

    async def test_what_was_purged_is_passed_over(self, log, stream):
        name, subject = stream
        await fill(log, f"{subject}.a", 10)
        assert await log.purge(name, below=6) == 5
        assert [message.sequence for message in await log.get_batch(name, 1)] == [6, 7, 8, 9, 10]
        state = await log.state(name)
        assert (state.first, state.last, state.messages) == (6, 10, 5)


class TestPurge:
    async def test_a_subject_can_be_purged_alone(self, log, stream):
        name, subject = stream
        await log.append(f"{subject}.a", b"1")
        await log.append(f"{subject}.b", b"2")
        await log.append(f"{subject}.a", b"3")
        await log.purge(name, below=3, subject=f"{subject}.a")
        assert [message.sequence for message in await log.get_batch(name, 1)] == [2, 3]

    async def test_a_stream_that_was_purged_whole_keeps_its_last_sequence(self, log, stream):
        name, subject = stream
        await fill(log, f"{subject}.a", 3)
        await log.purge(name, below=4)
        assert (await log.state(name)).last == 3
        assert await log.append(f"{subject}.a", b"x") == 4


class TestSequenceAt:
    async def test_it_finds_the_first_stored_at_or_after_a_time(self, log, stream):
        name, subject = stream
        assert await log.sequence_at(name, 0) == 1
        await log.append(f"{subject}.a", b"1")
        await asyncio.sleep(0.01)
        await log.append(f"{subject}.a", b"2")
        second = await log.last(name, f"{subject}.a")
        assert await log.sequence_at(name, 0) == 1
        assert await log.sequence_at(name, second.time_ms) == 2
        assert await log.sequence_at(name, second.time_ms + 1000) == 3


class TestRead:
    async def test_the_past_and_the_tail_follow_without_gap_or_repeat(self, log, stream):
        name, subject = stream
        await fill(log, f"{subject}.a", 600)
        reading = asyncio.create_task(take(log.read(name, 3), 1_198))
        await fill(log, f"{subject}.a", 600)
        assert [message.sequence for message in await reading] == list(range(3, 1_201))

    async def test_the_tail_gives_what_the_past_gives(self, log, stream):
        name, subject = stream
        reading = asyncio.create_task(take(log.read(name, 1), 1))
        await asyncio.sleep(0.05)
        await log.append(f"{subject}.a", b"one")
        assert await reading == await log.get_batch(name, 1)

    async def test_a_subject_selects_in_both(self, log, stream):
        name, subject = stream
        await log.append(f"{subject}.a", b"x")
        await log.append(f"{subject}.b", b"x")
        reading = asyncio.create_task(take(log.read(name, 1, subject=f"{subject}.b"), 2))
        await asyncio.sleep(0.05)
        await log.append(f"{subject}.a", b"x")
        await log.append(f"{subject}.b", b"x")
        assert [message.sequence for message in await reading] == [2, 4]

    async def test_a_start_beyond_the_end_waits_for_that_sequence(self, log, stream):
        name, subject = stream
        await log.append(f"{subject}.a", b"x")
        reading = asyncio.create_task(take(log.read(name, 2), 1))
        await log.append(f"{subject}.a", b"y")
        assert (await reading)[0].payload == b"y"

    async def test_large_messages_come_one_pull_after_the_other(self, log, stream):
        name, subject = stream
        reading = asyncio.create_task(take(log.read(name, 1), 12))
        await asyncio.sleep(0.05)
        for _ in range(12):
            await log.append(f"{subject}.a", bytes(4 << 20))
        assert [message.sequence for message in await reading] == list(range(1, 13))

    async def test_the_mark_comes_when_the_past_has_been_given(self, log, stream):
        name, subject = stream
        await fill(log, f"{subject}.a", 2)
        marked = await take(log.read_marked(name, 1), 3)
        assert [message and message.sequence for message in marked] == [1, 2, None]

    async def test_a_stream_that_is_not_there_is_refused(self, log):
        with pytest.raises(LogRefused):
            await take(log.read("NOWHERE", 1), 1)

    async def test_a_reader_of_a_closed_log_ends(self, far, stream):
        name, _ = stream
        reading = asyncio.create_task(take(far.read(name, 1), 1))
        await asyncio.sleep(0.05)
        await far.close()
        with pytest.raises(LogUnavailable, match="closed"):
            await reading

    async def test_a_consumer_leaves_the_server_with_its_reader(self, log, stream):
        name, subject = stream
        await log.append(f"{subject}.a", b"x")
        reader = log.read(name, 1)
        await anext(reader)
        waiting = asyncio.create_task(anext(reader))
        await asyncio.sleep(0.05)
        assert await consumers(log, name) == 1
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        await reader.aclose()
        async with asyncio.timeout(30):
            while await consumers(log, name):
                await asyncio.sleep(0.01)


async def consumers(log, name):
    from penstock.infra.log.streams import api

    return (await api(log._link, f"STREAM.INFO.{name}"))["state"]["consumer_count"]


class TestEnsureStream:
    async def test_it_may_be_asked_for_by_many_at_once(self, log):
        spec = StreamSpec("MANY", ("many.>",), storage="memory")
        await asyncio.gather(*(log.ensure_stream(spec) for _ in range(10)))
        await log.append("many.a", b"x")

    async def test_subjects_can_be_added_and_storage_stays(self, log):
        await log.ensure_stream(StreamSpec("GROWS", ("grows.a",), storage="memory"))
        await log.append("grows.a", b"x")
        await log.ensure_stream(StreamSpec("GROWS", ("grows.a", "grows.b"), storage="file"))
        await log.append("grows.b", b"y")
        assert (await log.state("GROWS")).messages == 2
