"""The contract of the log, against a real server."""

import asyncio
from contextlib import aclosing

import pytest

from penstock.infra.log import LogRefused, SequenceMismatch, StreamSpec


async def take(messages, count, seconds=5.0):
    found = []
    async with asyncio.timeout(seconds):
        async with aclosing(messages) as reading:
            async for message in reading:
                found.append(message)
                if len(found) == count:
                    return found
    return found


@pytest.fixture
async def stream(log, request):
    name = f"T{abs(hash(request.node.name))}"
    subject = name.lower()
    await log.ensure_stream(StreamSpec(name, (f"{subject}.>",), storage="memory"))
    return name, subject


async def test_what_is_appended_is_read_back(log, stream):
    name, subject = stream
    assert await log.append(f"{subject}.a", b"one") == 1
    assert await log.append(f"{subject}.b", b"two") == 2
    found = await log.last(name, f"{subject}.a")
    assert (found.subject, found.sequence, found.payload) == (f"{subject}.a", 1, b"one")
    assert [m.payload for m in await log.get_batch(name, 1)] == [b"one", b"two"]


async def test_a_fence_that_does_not_hold_is_refused_with_the_real_last(log, stream):
    _, subject = stream
    await log.append(f"{subject}.a", b"one", expected_last=0)
    await log.append(f"{subject}.b", b"two")
    with pytest.raises(SequenceMismatch) as caught:
        await log.append(f"{subject}.a", b"three", expected_last=0)
    assert caught.value.last == 1
    assert await log.append(f"{subject}.a", b"three", expected_last=1) == 3


async def test_a_batch_is_stored_as_a_whole(log, stream):
    name, subject = stream
    last = await log.append_batch([(f"{subject}.a", b"1"), (f"{subject}.b", b"2"), (f"{subject}.c", b"3")])
    assert last == 3
    assert (await log.state(name)).messages == 3


async def test_a_batch_whose_fence_is_refused_leaves_nothing(log, stream):
    name, subject = stream
    await log.append(f"{subject}.c", b"0")
    with pytest.raises(SequenceMismatch) as caught:
        await log.append_batch([(f"{subject}.a", b"1"), (f"{subject}.c", b"3")], expected_last={f"{subject}.c": 0})
    assert caught.value.last == 1
    assert (await log.state(name)).messages == 1


async def test_a_read_gives_the_past_and_then_the_tail(log, stream):
    name, subject = stream
    for number in range(5):
        await log.append(f"{subject}.a", b"%d" % number)

    async def go_on():
        for number in range(5, 10):
            await log.append(f"{subject}.a", b"%d" % number)
            await asyncio.sleep(0.01)

    writing = asyncio.create_task(go_on())
    found = await take(log.read(name, 3), 8)
    assert [m.sequence for m in found] == list(range(3, 11))
    await writing


async def test_a_read_of_a_stream_that_is_not_there_is_refused(log):
    with pytest.raises(LogRefused):
        await take(log.read("NOWHERE", 1), 1)


async def test_a_bucket_gives_what_was_put_and_tells_of_changes(log):
    bucket = await log.bucket("things", storage="memory")
    first = await bucket.put("w.source.1", b"a", expected_revision=0)
    watch = bucket.watch()
    assert (await anext(watch)).value == b"a"
    assert await anext(watch) is None
    second = await bucket.put("w.source.1", b"b", expected_revision=first)
    changed = await asyncio.wait_for(anext(watch), 5)
    assert (changed.key, changed.value, changed.revision) == ("w.source.1", b"b", second)
    await watch.aclose()
    with pytest.raises(SequenceMismatch):
        await bucket.put("w.source.1", b"c", expected_revision=first)
    assert (await bucket.get("w.source.1")).value == b"b"
    assert await bucket.get("w.source.2") is None
    assert await bucket.last_revision() == second
