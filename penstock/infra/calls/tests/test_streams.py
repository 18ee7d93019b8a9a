"""Streams on a lease, over a real server."""

import asyncio
from contextlib import asynccontextmanager
from typing import ClassVar

import msgspec
import pytest

from penstock.infra.calls import Audience, Streams, audience, streams, wire
from penstock.infra.log import Log
from penstock.kit.clock import ManualClock, SystemClock
from penstock.spec.calls import Stream

DEADLINE = 10.0


class Numbers(Stream, frozen=True):
    VERB: ClassVar[str] = "numbers"
    at_least: int = 0

    def admits(self, item):
        return item >= self.at_least


@pytest.fixture
async def asking(nats_server):
    connected = await Log.connect(nats_server.url, token=nats_server.token, name="asking")
    yield Streams(connected)
    await connected.close()


@asynccontextmanager
async def opened(log, clock=None):
    made = Audience(log, Numbers, clock or SystemClock())
    await made.open()
    try:
        yield made
    finally:
        await made.close()


async def until(condition):
    async with asyncio.timeout(DEADLINE):
        while not condition():
            await asyncio.sleep(0.01)


async def gathered(following, count):
    """At least so many items and losses together."""
    items, lost = [], 0
    async with asyncio.timeout(DEADLINE):
        while len(items) + lost < count:
            arrived = await following.take(1)
            items += arrived.items
            lost += arrived.lost
    return items, lost


async def test_who_follows_is_sent_what_is_wanted_and_nobody_else_makes_work(log, asking):
    async with opened(log) as serving:
        assert not serving.is_open
        async with asking.follow(Numbers(at_least=3), int) as following:
            await until(lambda: following.answering == 1)
            assert serving.is_open
            serving.offer(range(6))
            assert await gathered(following, 3) == ([3, 4, 5], 0)
        await until(lambda: not serving.is_open)


async def test_every_process_that_serves_a_stream_answers(log, asking):
    async with opened(log) as one, opened(log) as other, asking.follow(Numbers(), int) as following:
        await until(lambda: following.answering == 2)
        one.offer([1])
        other.offer([2])
        items, _ = await gathered(following, 2)
        assert sorted(items) == [1, 2]


async def test_two_followers_have_their_own_filters(log, asking):
    async with (
        opened(log) as serving,
        asking.follow(Numbers(at_least=10), int) as few,
        asking.follow(Numbers(), int) as all_of_them,
    ):
        await until(lambda: few.answering == all_of_them.answering == 1)
        serving.offer([9, 10])
        assert await gathered(few, 1) == ([10], 0)
        assert await gathered(all_of_them, 2) == ([9, 10], 0)


async def test_a_stream_goes_on_when_who_serves_it_starts_again(log, asking):
    async with asking.follow(Numbers(), int) as following:
        async with opened(log) as first:
            await until(lambda: first.is_open)
            first.offer([1])
            assert await gathered(following, 1) == ([1], 0)
        async with opened(log) as second:
            await until(lambda: second.is_open)
            second.offer([2])
            assert await gathered(following, 1) == ([2], 0)


async def test_more_than_the_buffer_holds_is_lost_oldest_first_and_counted(log, asking):
    async with opened(log) as serving, asking.follow(Numbers(), int) as following:
        await until(lambda: following.answering == 1)
        count = audience.WAITING_LIMIT + 700
        serving.offer(range(count))
        items, lost = await gathered(following, count)
        assert lost == 700
        assert items == list(range(700, count))


async def test_a_reader_that_does_not_read_loses_the_oldest_and_is_told_how_many(asking):
    following = streams.Following(int)
    for start in range(0, streams.WAITING_LIMIT + 300, 100):
        part = streams.Part("engine", 1, list(range(start, start + 100)))
        await following.arrived(Message(wire.encode(part)))
    items, lost = await gathered(following, streams.WAITING_LIMIT + 300)
    assert lost == 300 + 23
    assert items[0] == 300


class Message(msgspec.Struct):
    data: bytes
    subject: str = "stream.numbers.x"
    reply: str = ""
    headers: dict[str, str] | None = None


async def test_a_lease_that_is_not_renewed_ends(log, nats_server):
    clock = ManualClock()
    async with opened(log, clock) as serving:
        headers = {wire.STREAM: "someone", wire.LEASE: "5000"}
        await log.publish_core(wire.wishes_of(Numbers), wire.encode(Numbers()), headers=headers)
        await until(lambda: serving.is_open)
        clock.advance(4.9)
        await asyncio.sleep(0.05)
        assert serving.is_open
        clock.advance(0.2)
        await until(lambda: not serving.is_open)


async def test_followers_are_bounded(log):
    async with opened(log) as serving:
        for number in range(audience.FOLLOWERS_LIMIT + 5):
            headers = {wire.STREAM: f"f{number}", wire.LEASE: "5000"}
            await log.publish_core(wire.wishes_of(Numbers), wire.encode(Numbers()), headers=headers)
        await until(lambda: len(serving._followers) == audience.FOLLOWERS_LIMIT)
        await asyncio.sleep(0.05)
        assert len(serving._followers) == audience.FOLLOWERS_LIMIT


async def test_a_wish_that_cannot_be_read_changes_nothing(log):
    async with opened(log) as serving:
        for headers, body in (
            ({}, wire.encode(Numbers())),
            ({wire.STREAM: "x", wire.LEASE: "soon"}, wire.encode(Numbers())),
            ({wire.STREAM: "x", wire.LEASE: "5000"}, b"\xc1"),
        ):
            await log.publish_core(wire.wishes_of(Numbers), body, headers=headers)
        good = {wire.STREAM: "good", wire.LEASE: "5000"}
        await log.publish_core(wire.wishes_of(Numbers), wire.encode(Numbers()), headers=good)
        await until(lambda: serving.is_open)
        assert list(serving._followers) == ["good"]


async def test_the_end_of_the_asking_process_is_told_to_its_readers(asking):
    async with asking.follow(Numbers(), int) as following:
        serving = asyncio.create_task(asking.serve())
        await asyncio.sleep(0)
        taking = asyncio.create_task(following.take(DEADLINE))
        await asyncio.sleep(0)
        serving.cancel()
        assert (await asyncio.wait_for(taking, 1)).items == []
        assert following.is_over
