"""The key-value bucket."""

import asyncio
import secrets

import pytest

from penstock.infra.log import SequenceMismatch


@pytest.fixture
async def bucket(log):
    return await log.bucket(f"b{secrets.token_hex(4)}", storage="memory")


async def test_a_key_has_its_last_value_alone(bucket):
    await bucket.put("w.source.1", b"a")
    second = await bucket.put("w.source.1", b"b")
    entry = await bucket.get("w.source.1")
    assert (entry.key, entry.value, entry.revision) == ("w.source.1", b"b", second)
    assert await bucket.get("w.source.2") is None
    assert await bucket.last_revision() == second


async def test_compare_and_set_refuses_what_is_not_current(bucket):
    first = await bucket.put("k", b"a", expected_revision=0)
    with pytest.raises(SequenceMismatch) as caught:
        await bucket.put("k", b"b", expected_revision=0)
    assert caught.value.last == first
    await bucket.put("k", b"b", expected_revision=first)


async def test_of_many_who_compare_and_set_one_wins_each_round(bucket):
    await bucket.put("k", b"0")

    async def add():
        while True:
            entry = await bucket.get("k")
            try:
                return await bucket.put("k", b"%d" % (int(entry.value) + 1), expected_revision=entry.revision)
            except SequenceMismatch:
                continue

    await asyncio.gather(*(add() for _ in range(15)))
    assert (await bucket.get("k")).value == b"15"


async def test_a_watch_gives_what_there_is_then_the_mark_then_changes(bucket):
    await bucket.put("a", b"1")
    await bucket.put("b", b"2")
    await bucket.put("a", b"3")
    watch = bucket.watch()
    async with asyncio.timeout(30):
        assert [(await anext(watch)).value for _ in range(2)] == [b"2", b"3"]
        assert await anext(watch) is None
        await bucket.put("c", b"4")
        assert (await anext(watch)).key == "c"
    await watch.aclose()


async def test_a_watch_of_an_empty_bucket_begins_with_the_mark(bucket):
    watch = bucket.watch()
    assert await asyncio.wait_for(anext(watch), 60) is None
    await watch.aclose()


async def test_a_bucket_can_be_opened_by_many_at_once(log):
    buckets = await asyncio.gather(*(log.bucket("shared", storage="memory") for _ in range(5)))
    await buckets[0].put("k", b"v")
    assert (await buckets[4].get("k")).value == b"v"
