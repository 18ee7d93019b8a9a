"""What happens when the server dies, answers are lost, and connections are cut."""

import asyncio
import shutil
from contextlib import aclosing

import pytest

from penstock.infra.log import Log, LogLost, LogTimeout, LogUnavailable, SequenceMismatch, StreamSpec
from penstock.infra.log.streams import api
from penstock.testing.endless import take

SPEC = StreamSpec("S", ("s.>",))


@pytest.fixture
async def mortal(own_nats_server):
    """A connection to a server that the test kills."""
    log = await Log.connect(own_nats_server.url, token=own_nats_server.token)
    await log.ensure_stream(SPEC)
    yield log
    await log.close()


async def write_exactly(log, count, subject="s.a"):
    """Append 0..count-1 once each, whatever happens: after doubt the last message tells where to go on."""
    last = await log.last("S", subject)
    number, sequence = (int(last.payload) + 1, last.sequence) if last else (0, 0)
    while number < count:
        try:
            sequence = await log.append(subject, b"%d" % number, expected_last=sequence, timeout=1.0)
            number += 1
        except (LogUnavailable, SequenceMismatch):
            await log.wait_connected(5.0)
            try:
                last = await log.last("S", subject)
            except LogUnavailable:
                continue
            number, sequence = (int(last.payload) + 1, last.sequence) if last else (0, 0)


class TestLostAnswers:
    async def test_an_append_whose_answer_is_cut_is_unavailable_at_once_and_stored(self, far, proxy, log, stream):
        name, subject = stream
        proxy.cut_at_answer(b'"seq":')
        started = asyncio.get_running_loop().time()
        with pytest.raises(LogUnavailable):
            await far.append(f"{subject}.a", b"one", expected_last=0)
        assert asyncio.get_running_loop().time() - started < 1
        assert (await log.state(name)).messages == 1
        await far.wait_connected(3)
        with pytest.raises(SequenceMismatch) as caught:
            await far.append(f"{subject}.a", b"one", expected_last=0)
        assert caught.value.last == 1

    async def test_a_late_answer_disturbs_nothing(self, far, proxy, stream):
        _, subject = stream
        proxy.hold_answers()
        with pytest.raises(LogTimeout):
            await far.append(f"{subject}.a", b"one", timeout=0.2)
        proxy.release()
        assert await far.append(f"{subject}.a", b"two", expected_last=1) == 2

    async def test_an_append_given_up_does_not_turn_up_after_a_reconnect(self, far, proxy, log, stream):
        name, subject = stream
        proxy.hold_questions()
        with pytest.raises(LogTimeout):
            await far.append(f"{subject}.a", b"ghost", timeout=0.2)
        proxy.cut()
        await asyncio.sleep(0.01)
        await far.wait_connected(3)
        await far.append(f"{subject}.a", b"real", expected_last=0)
        assert [message.payload for message in await log.get_batch(name, 1)] == [b"real"]

    async def test_every_append_in_flight_is_told_when_the_connection_is_cut(self, far, proxy, stream):
        _, subject = stream
        proxy.hold_answers()
        tries = [asyncio.create_task(far.append(f"{subject}.a", b"x", timeout=30)) for _ in range(50)]
        await asyncio.sleep(0.1)
        proxy.cut()
        results = await asyncio.wait_for(asyncio.gather(*tries, return_exceptions=True), 2)
        assert all(isinstance(result, LogUnavailable) for result in results)

    async def test_without_a_connection_an_append_is_refused_at_once(self, far, proxy, stream):
        _, subject = stream
        proxy.is_refusing = True
        proxy.cut()
        async with asyncio.timeout(30):
            while far.is_connected:
                await asyncio.sleep(0.01)
        with pytest.raises(LogUnavailable):
            await far.append(f"{subject}.a", b"x")
        with pytest.raises(LogUnavailable):
            await far.wait_connected(0.05)
        generation = far.generation
        proxy.is_refusing = False
        await far.wait_connected(3)
        assert far.generation == generation + 1

    async def test_a_batch_cut_anywhere_is_whole_or_nothing(self, far, proxy, log, stream):
        name, subject = stream
        outcomes = set()
        for place in (1, 100, 400, 1_200, 1_500, 2_500, 3_000, 3_300):
            before = (await log.state(name)).messages
            proxy.cut_after_sent(place)
            with pytest.raises(LogUnavailable):
                await far.append_batch([(f"{subject}.{n}", bytes(1000)) for n in range(3)], timeout=1.0)
            added = (await log.state(name)).messages - before
            assert added in {0, 3}
            outcomes.add(added)
            await far.wait_connected(3)
        assert 0 in outcomes
        proxy.cut_at_answer(b'"count":3')
        with pytest.raises(LogUnavailable):
            await far.append_batch([(f"{subject}.{n}", bytes(1000)) for n in range(3)])
        assert (await log.state(name)).messages % 3 == 0

    async def test_a_read_cut_many_times_gives_each_message_once(self, far, proxy, log, stream):
        name, subject = stream
        reading = asyncio.create_task(take(far.read(name, 1), 200, seconds=20))
        for number in range(200):
            await log.append(f"{subject}.a", b"%d" % number)
            if number % 40 == 20:
                proxy.cut()
        assert [message.sequence for message in await reading] == list(range(1, 201))


class TestKilledServer:
    async def test_readers_watches_and_appends_go_on_within_three_seconds(self, mortal, own_nats_server):
        bucket = await mortal.bucket("things")
        await mortal.append("s.a", b"0")
        reader, watch = mortal.read("S", 1), bucket.watch()
        async with aclosing(reader), aclosing(watch):
            assert (await anext(reader)).payload == b"0"
            assert await anext(watch) is None
            next_message, next_entry = asyncio.create_task(anext(reader)), asyncio.create_task(anext(watch))
            await asyncio.sleep(0.05)
            await own_nats_server.kill()
            await own_nats_server.start()
            async with asyncio.timeout(30):
                await mortal.wait_connected()
                await mortal.append("s.a", b"1", expected_last=1)
                await bucket.put("k", b"v")
                assert (await next_message).payload == b"1"
                while (entry := await next_entry) is None:
                    next_entry = asyncio.create_task(anext(watch))
                assert entry.value == b"v"

    async def test_what_was_acknowledged_survives_kills_and_is_read_once_in_order(self, mortal, own_nats_server):
        count = 400
        reading = asyncio.create_task(take(mortal.read("S", 1), count, seconds=30))
        writing = asyncio.create_task(write_exactly(mortal, count))
        for _ in range(3):
            reached = (await take(mortal.read("S", 1), 1))[0].sequence + 20
            async with asyncio.timeout(30):
                while not writing.done():
                    try:
                        if (await mortal.state("S")).last >= reached:
                            break
                    except LogUnavailable:
                        pass
                    await asyncio.sleep(0.005)
            await own_nats_server.kill()
            await own_nats_server.start()
        await asyncio.wait_for(writing, 60)
        messages = await reading
        assert [int(message.payload) for message in messages] == list(range(count))
        assert [message.sequence for message in messages] == list(range(1, count + 1))

    async def test_a_core_subscription_comes_back(self, mortal, own_nats_server):
        arrived: asyncio.Queue[bytes] = asyncio.Queue()

        async def deliver(message):
            await arrived.put(message.data)

        subscription = await mortal.subscribe_core("core.a", deliver)
        await mortal.publish_core("core.a", b"1")
        assert await asyncio.wait_for(arrived.get(), 2) == b"1"
        await own_nats_server.kill()
        await own_nats_server.start()
        await mortal.wait_connected(3)
        await mortal.publish_core("core.a", b"2")
        assert await asyncio.wait_for(arrived.get(), 2) == b"2"
        await subscription.close()

    async def test_a_log_that_was_lost_is_an_error_and_not_a_silence(self, mortal, own_nats_server):
        for _ in range(3):
            await mortal.append("s.a", b"x")
        reader = mortal.read("S", 1)
        for _ in range(3):
            await anext(reader)
        waiting = asyncio.create_task(anext(reader))
        await own_nats_server.kill()
        shutil.rmtree(own_nats_server.directory / "jetstream")
        await own_nats_server.start()
        other = await Log.connect(own_nats_server.url, token=own_nats_server.token)
        await other.ensure_stream(SPEC)
        with pytest.raises(LogLost):
            await asyncio.wait_for(waiting, 60)
        await other.close()


class TestTail:
    async def test_a_tail_whose_consumer_is_gone_is_made_anew(self, log, stream):
        name, subject = stream
        reading = asyncio.create_task(take(log.read(name, 1), 2))
        await log.append(f"{subject}.a", b"1")
        async with asyncio.timeout(30):
            while not (names := (await api(log._link, f"CONSUMER.NAMES.{name}"))["consumers"]):
                await asyncio.sleep(0.01)
        for consumer in names:
            await api(log._link, f"CONSUMER.DELETE.{name}.{consumer}")
        await log.append(f"{subject}.a", b"2")
        assert [message.payload for message in await reading] == [b"1", b"2"]

    async def test_a_stream_made_anew_under_a_tail_is_lost(self, log, stream):
        name, subject = stream
        await log.append(f"{subject}.a", b"1")
        reader = log.read(name, 1)
        await anext(reader)
        waiting = asyncio.create_task(anext(reader))
        await asyncio.sleep(0.05)
        await api(log._link, f"STREAM.DELETE.{name}")
        await log.ensure_stream(StreamSpec(name, (f"{subject}.>",), storage="memory"))
        await log.append(f"{subject}.a", b"2")
        with pytest.raises(LogLost):
            await asyncio.wait_for(waiting, 60)

    async def test_a_slow_reader_holds_a_bounded_part(self, log, stream):
        name, subject = stream
        reader = log.read(name, 1)
        first = asyncio.create_task(anext(reader))
        await asyncio.sleep(0.05)
        for _ in range(30):
            await log.append(f"{subject}.a", bytes(1 << 20))
        await first
        async with aclosing(reader):
            held = sum(len(sub._pending_queue._queue) for sub in log._link.connection._client._subs.values())
            assert held < 12
            for sequence in range(2, 31):
                assert (await asyncio.wait_for(anext(reader), 60)).sequence == sequence


async def test_who_tries_again_at_once_does_not_starve_the_reconnect(mortal, own_nats_server):
    async def try_for_ever():
        while True:
            try:
                await mortal.append("s.a", b"x")
            except LogUnavailable:
                await mortal.wait_connected()

    trying = asyncio.create_task(try_for_ever())
    for _ in range(3):
        await asyncio.sleep(0.1)
        await own_nats_server.kill()
        await own_nats_server.start()
        await mortal.wait_connected(5)
        assert (await mortal.state("S")).last > 0
    trying.cancel()
    await asyncio.gather(trying, return_exceptions=True)


async def test_a_greeting_cut_anywhere_does_not_end_the_reconnecting(far, proxy, stream):
    _, subject = stream
    for place in (1, 30, 150, 250):
        generation = far.generation
        proxy.cut_after_sent(place)
        proxy.cut()
        async with asyncio.timeout(30):
            while far.generation == generation or not far.is_connected:
                await asyncio.sleep(0.01)
    proxy.cut_at_answer(b"INFO")
    proxy.cut()
    await asyncio.sleep(0.05)
    await far.wait_connected(5)
    await far.append(f"{subject}.a", b"x")
