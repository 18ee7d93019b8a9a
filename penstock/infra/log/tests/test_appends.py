"""Appends, fences and atomic batches."""

import asyncio

import pytest

from penstock.infra.log import (
    MAX_PAYLOAD,
    LogRefused,
    LogTimeout,
    LogUnavailable,
    SequenceMismatch,
    StreamSpec,
)


class TestAppend:
    async def test_what_is_appended_is_there_with_its_sequence_and_time(self, log, stream):
        name, subject = stream
        assert await log.append(f"{subject}.a", b"one") == 1
        assert await log.append(f"{subject}.b", b"") == 2
        found = await log.last(name, f"{subject}.b")
        assert (found.subject, found.sequence, found.payload) == (f"{subject}.b", 2, b"")
        first = await log.last(name, f"{subject}.a")
        assert first.time_ms <= found.time_ms

    async def test_a_fence_that_holds_lets_through_and_one_that_does_not_tells_the_real_last(self, log, stream):
        _, subject = stream
        assert await log.append(f"{subject}.a", b"one", expected_last=0) == 1
        await log.append(f"{subject}.b", b"two")
        with pytest.raises(SequenceMismatch) as caught:
            await log.append(f"{subject}.a", b"three", expected_last=0)
        assert caught.value.last == 1
        assert await log.append(f"{subject}.a", b"three", expected_last=1) == 3

    async def test_a_fence_on_a_subject_without_messages_tells_zero(self, log, stream):
        _, subject = stream
        with pytest.raises(SequenceMismatch) as caught:
            await log.append(f"{subject}.a", b"one", expected_last=7)
        assert caught.value.last == 0

    async def test_of_many_with_the_same_fence_one_wins(self, log, stream):
        name, subject = stream
        tries = [log.append(f"{subject}.a", b"%d" % number, expected_last=0) for number in range(20)]
        results = await asyncio.gather(*tries, return_exceptions=True)
        assert sum(isinstance(result, int) for result in results) == 1
        assert sum(isinstance(result, SequenceMismatch) for result in results) == 19
        assert (await log.state(name)).messages == 1

    async def test_many_in_flight_keep_their_order(self, log, stream):
        name, subject = stream
        sequences = await asyncio.gather(*(log.append(f"{subject}.a", b"%d" % number) for number in range(300)))
        assert sequences == list(range(1, 301))
        stored = await log.get_batch(name, 1, max_messages=300)
        assert [message.payload for message in stored] == [b"%d" % number for number in range(300)]

    async def test_the_same_payload_is_stored_as_often_as_it_is_appended(self, log, stream):
        name, subject = stream
        await asyncio.gather(*(log.append(f"{subject}.a", b"same") for _ in range(5)))
        assert (await log.state(name)).messages == 5

    async def test_a_large_message_is_stored_and_one_above_the_limit_is_refused(self, log, stream):
        name, subject = stream
        large = bytes(MAX_PAYLOAD - 1024)
        await log.append(f"{subject}.a", large, expected_last=0)
        assert (await log.last(name, f"{subject}.a")).payload == large
        with pytest.raises(LogRefused):
            await log.append(f"{subject}.a", bytes(MAX_PAYLOAD + 1))
        assert (await log.state(name)).messages == 1
        assert log.is_connected

    async def test_a_subject_that_no_stream_takes_is_unavailable(self, log):
        with pytest.raises(LogUnavailable, match="no stream"):
            await log.append("nobody.takes.this", b"x")

    async def test_a_subject_with_line_ends_is_refused_before_it_is_sent(self, log):
        with pytest.raises(LogRefused, match="subject"):
            await log.append("a b\r\nPUB x 0", b"x")
        assert log.is_connected


class TestAppendBatch:
    async def test_a_batch_is_stored_as_a_whole_and_in_order(self, log, stream):
        name, subject = stream
        batch = [(f"{subject}.a", b"1"), (f"{subject}.b", bytes(60_000)), (f"{subject}.a", b"3")]
        assert await log.append_batch(batch) == 3
        stored = await log.get_batch(name, 1)
        assert [(message.subject, message.payload) for message in stored] == batch

    async def test_a_batch_of_one_is_a_batch(self, log, stream):
        _, subject = stream
        assert await log.append_batch([(f"{subject}.a", b"1")], expected_last={f"{subject}.a": 0}) == 1

    @pytest.mark.parametrize("wrong", [0, 1, 2])
    async def test_a_fence_refused_anywhere_in_a_batch_leaves_nothing(self, log, stream, wrong):
        name, subject = stream
        subjects = [f"{subject}.{letter}" for letter in "abc"]
        for each in subjects:
            await log.append(each, b"0")
        fences = {each: number for number, each in enumerate(subjects, 1)}
        fences[subjects[wrong]] = 0
        with pytest.raises(SequenceMismatch) as caught:
            await log.append_batch([(each, b"1") for each in subjects], expected_last=fences)
        assert caught.value.last == wrong + 1
        assert (await log.state(name)).messages == 3

    async def test_fences_hold_where_a_subject_comes_twice_in_a_batch(self, log, stream):
        _, subject = stream
        await log.append(f"{subject}.a", b"0")
        batch = [(f"{subject}.a", b"1"), (f"{subject}.b", b"2"), (f"{subject}.a", b"3")]
        assert await log.append_batch(batch, expected_last={f"{subject}.a": 1, f"{subject}.b": 0}) == 4
        with pytest.raises(SequenceMismatch) as caught:
            await log.append_batch(batch, expected_last={f"{subject}.a": 1})
        assert caught.value.last == 4

    async def test_batches_at_once_do_not_mix(self, log, stream):
        name, subject = stream
        batches = [[(f"{subject}.{number}", b"%d" % part) for part in range(5)] for number in range(20)]
        await asyncio.gather(*(log.append_batch(batch) for batch in batches))
        stored = await log.get_batch(name, 1)
        assert len(stored) == 100
        for at in range(0, 100, 5):
            assert len({message.subject for message in stored[at : at + 5]}) == 1

    async def test_more_batches_at_once_than_the_server_takes_are_whole_or_unavailable(self, log, stream):
        name, subject = stream
        batches = [[(f"{subject}.{number}", bytes(2000)) for _ in range(3)] for number in range(120)]
        results = await asyncio.gather(*(log.append_batch(batch) for batch in batches), return_exceptions=True)
        stored = sum(isinstance(result, int) for result in results)
        assert stored > 0
        assert all(isinstance(result, (int, LogUnavailable)) for result in results)
        assert (await log.state(name)).messages == 3 * stored

    async def test_a_batch_over_two_streams_leaves_nothing(self, log, stream):
        name, subject = stream
        await log.ensure_stream(StreamSpec("OTHER", ("other.>",), storage="memory"))
        with pytest.raises(LogUnavailable):
            await log.append_batch([("other.a", b"1"), (f"{subject}.a", b"2")])
        assert (await log.state(name)).messages == 0
        assert (await log.state("OTHER")).messages == 0

    async def test_an_empty_batch_and_a_fence_beside_it_are_mistakes(self, log, stream):
        _, subject = stream
        with pytest.raises(ValueError, match="1 to 1000"):
            await log.append_batch([])
        with pytest.raises(ValueError, match="fences"):
            await log.append_batch([(f"{subject}.a", b"1")], expected_last={f"{subject}.b": 0})

    async def test_an_answer_that_does_not_come_is_a_timeout(self, far, proxy, log, stream):
        name, subject = stream
        proxy.hold_answers()
        with pytest.raises(LogTimeout):
            await far.append_batch([(f"{subject}.a", b"1"), (f"{subject}.b", b"2")], timeout=0.3)
        proxy.release()
        assert (await log.state(name)).messages == 2
