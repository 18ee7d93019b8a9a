import asyncio

import pytest

from penstock.infra.calls import CallClient, CallServer
from penstock.infra.log import Log
from penstock.infra.log.installation import ensure_streams
from penstock.kit.clock import ManualClock
from penstock.kit.settings import Settings
from penstock.pipeline.readers import readers_of
from penstock.pipeline.retention import UNREAD_HOURS, Readers, RetentionLoop, routed_limit
from penstock.spec import accepted, delivery, facts, routed
from penstock.spec.calls import RoleStatus, StatusReport
from penstock.spec.facts import FactHead, encode_fact
from penstock.spec.routed import RoutedHead, encode_routed

HOUR_MS = 3_600_000
ACCEPTED, ROUTED, DELIVERY = accepted.stream_name(0), routed.stream_name(0), delivery.stream_name(0)


class Store:
    """Streams with messages whose ages differ, and a loop whose clock stands at an age of one of them."""

    def __init__(self, log):
        self.log = log
        self.settings = Settings()
        self.positions = {}
        self.delivery = {}
        self.folded = {}

    async def append(self, subject, payload=b"x"):
        """Append, and return when a later message would have a later time."""
        sequence = await self.log.append(subject, payload)
        await asyncio.sleep(0.003)  # the ages of messages are what is tested: milliseconds apart
        return sequence

    async def append_routed(self, covers):
        return await self.append(routed.subject(0), encode_routed(RoutedHead("w", covers, 0, 1, 1, [], [], [], []), []))

    async def append_fact(self, after, to, role="pipeline"):
        return await self.append(facts.subject(role, 0), encode_fact(FactHead(role, 0, ROUTED, after, to)))

    async def round(self, stream, sequence, hours):
        """One round at the moment in which the message `sequence` of `stream` becomes `hours` old."""
        (message,) = await self.log.get_batch(stream, sequence, max_messages=1)
        return await self.round_at(message.time_ms + round(hours * HOUR_MS))

    async def round_at(self, now_ms):
        return await self.loop_at(now_ms).round()

    def loop_at(self, now_ms):
        async def sequences(mapping):
            if isinstance(mapping, Exception):
                raise mapping
            return mapping

        readers = Readers(
            lambda: sequences(self.positions), lambda: sequences(self.delivery), lambda: sequences(self.folded)
        )
        return RetentionLoop(self.settings, self.log, ManualClock(now_ms), 0, readers)

    async def left(self, stream, subject=None):
        return [message.sequence for message in await self.log.get_batch(stream, 1, subject=subject)]


@pytest.fixture
async def store(own_nats_server):
    log = await Log.connect(own_nats_server.url, token=own_nats_server.token, name="test")
    await ensure_streams(log, 1)
    yield Store(log)
    await log.close()


async def test_accepted_goes_when_it_is_answered_and_old(store):
    for _ in range(5):
        await store.append(accepted.subject(0, "w"))
    await store.append_routed(3)
    await store.round(ACCEPTED, 2, 48)
    assert await store.left(ACCEPTED) == [2, 3, 4, 5]
    await store.round(ACCEPTED, 5, 49)
    assert await store.left(ACCEPTED) == [4, 5]
    await store.append_routed(5)
    await store.round(ACCEPTED, 5, 49)
    assert await store.left(ACCEPTED) == []


async def test_routed_goes_when_it_is_old_and_read_by_all(store):
    store.settings = Settings(routed_hours=26)
    store.positions = {"delivery": 4, "warehouse": 3}
    for covers in range(1, 6):
        await store.append_routed(covers)
    await store.append_fact(0, 5)
    await store.round(ROUTED, 2, 26)
    assert await store.left(ROUTED) == [2, 3, 4, 5]
    await store.round(ROUTED, 5, 27)
    assert await store.left(ROUTED) == [4, 5]


async def test_what_the_facts_have_not_counted_is_unread(store):
    store.settings = Settings(routed_hours=26)
    store.positions = {"delivery": 5}
    for covers in range(1, 6):
        await store.append_routed(covers)
    await store.append_fact(0, 2)
    await store.round(ROUTED, 5, 27)
    assert await store.left(ROUTED) == [3, 4, 5]


class TestLowDisk:
    """History goes whatever its age; positions and what somebody has not read stay."""

    async def full(self, store):
        store.settings = Settings(low_disk_routed_minutes=0)
        for covers in range(1, 6):
            await store.append(accepted.subject(0, "w"))
            await store.append_routed(covers)
        for number in range(4):
            await store.append(delivery.settled_subject(0))
            await store.append(delivery.members_subject(0))
            await store.append(delivery.quarantine_subject(0, "d1"))
            await store.append_fact(number, 5 if number == 3 else number + 1)

    async def low_round(self, store):
        (message,) = await store.log.get_batch(ROUTED, 5, max_messages=1)
        loop = store.loop_at(message.time_ms + 60_000)
        loop.hurry(is_low=True)
        await loop.round()

    async def test_what_everybody_has_read_goes_and_the_last_of_each_position_stays(self, store):
        await self.full(store)
        store.positions = {"delivery": 5, "warehouse": 5}
        store.delivery = {delivery.settled_subject(0): 1 << 40}
        store.folded = {facts.subject("pipeline", 0): 1 << 40}
        await self.low_round(store)
        assert await store.left(ACCEPTED) == []
        assert await store.left(ROUTED) == [5]
        assert await store.left(facts.STREAM) == [4]
        assert len(await store.left(DELIVERY, delivery.settled_subject(0))) == 1
        assert len(await store.left(DELIVERY, delivery.members_subject(0))) == 1
        assert len(await store.left(DELIVERY, delivery.quarantine_subject(0, "d1"))) == 4

    @pytest.mark.parametrize("read", range(6))
    async def test_nothing_goes_that_a_reader_still_wants(self, store, read):
        await self.full(store)
        store.positions = {"delivery": 5, "warehouse": read}
        await self.low_round(store)
        assert await store.left(ROUTED) == ([5] if read == 5 else list(range(read + 1, 6)))

    async def test_a_disk_that_becomes_low_is_not_waited_for(self, store):
        await self.full(store)
        store.positions = {"delivery": 5}
        (message,) = await store.log.get_batch(ROUTED, 5, max_messages=1)
        loop = store.loop_at(message.time_ms + 60_000)
        running = asyncio.create_task(loop.run())
        loop.hurry(is_low=True)
        async with asyncio.timeout(30):  # half the time between rounds
            while await store.left(ACCEPTED):
                await asyncio.sleep(0.01)
        loop.stop()
        await running


async def test_a_reader_that_lags_too_long_loses_what_it_did_not_read(store):
    store.settings = Settings(routed_hours=26, max_lag_hours=72)
    store.positions = {"delivery": 1}
    for covers in range(1, 6):
        await store.append_routed(covers)
    await store.append_fact(0, 5)
    await store.round(ROUTED, 4, 72 + UNREAD_HOURS - 1)
    assert await store.left(ROUTED) == [2, 3, 4, 5]
    await store.round(ROUTED, 4, 72 + UNREAD_HOURS)
    assert await store.left(ROUTED) == [4, 5]


async def test_the_last_message_of_every_position_stays_whatever_its_age(store):
    store.settings = Settings(routed_hours=26)
    store.positions = {"delivery": 99}
    settled, members = delivery.settled_subject(0), delivery.members_subject(0)
    await store.append_routed(1)
    position = await store.append_routed(2)
    for _ in range(2):
        last_members = await store.append(members)
        last_settled = await store.append(settled)
    await store.append_fact(0, 1)
    last_fact = await store.append_fact(1, 2)
    store.delivery = {settled: 99, members: 99}
    store.folded = {facts.subject("pipeline", 0): 99}
    purged = await store.round(ROUTED, position, 10_000)
    assert purged == {ACCEPTED: 0, ROUTED: 1, DELIVERY: 2, facts.STREAM: 1}
    assert await store.left(ROUTED) == [position]
    assert await store.left(DELIVERY) == [last_members, last_settled]
    assert await store.left(facts.STREAM) == [last_fact]


async def test_settled_and_retries_go_as_delivery_says_and_quarantine_by_age(store):
    settled, retry = delivery.settled_subject(0), delivery.retry_subject(0, 2)
    quarantine = delivery.quarantine_subject(0, "dst1")
    for _ in range(3):
        await store.append(settled)
        await store.append(retry)
        await store.append(quarantine)
    store.delivery = {settled: 4, retry: 9}
    await store.round(DELIVERY, 6, 336)
    assert await store.left(DELIVERY, settled) == [4, 7]
    assert await store.left(DELIVERY, retry) == []
    assert await store.left(DELIVERY, quarantine) == [6, 9]


async def test_quarantine_is_bounded_in_events_for_each_holder(store):
    store.settings = Settings(quarantine_events=10)
    many, few = delivery.quarantine_subject(0, "dst1"), delivery.quarantine_subject(0, "dst2")

    async def quarantined(subject, count):
        head = delivery.QuarantineHead("w", "s", "d", 1, [])
        return await store.append(subject, delivery.encode_quarantine(head, [b"{}"] * count))

    retention = store.loop_at(0)
    first = await quarantined(few, 9)
    frames = [await quarantined(many, 4) for _ in range(3)]
    await retention.round()
    assert await store.left(DELIVERY, many) == frames[1:]
    assert await store.left(DELIVERY, few) == [first]
    frames += [await quarantined(many, 3)]
    await retention.round()
    await store.loop_at(0).round()  # a new engine counts what it finds
    assert await store.left(DELIVERY, many) == frames[2:]
    huge = await quarantined(many, 99)
    await retention.round()
    assert await store.left(DELIVERY, many) == [huge]
    assert await store.left(DELIVERY, few) == [first]


async def test_facts_go_when_they_are_folded_and_old(store):
    for number in range(4):
        await store.append_fact(number, number + 1)
    other = await store.append_fact(0, 1, role="warehousing")
    store.folded = {facts.subject("pipeline", 0): 3}
    await store.round(facts.STREAM, 2, 24)
    assert await store.left(facts.STREAM) == [2, 3, 4, other]
    await store.round(facts.STREAM, other, 25)
    assert await store.left(facts.STREAM) == [4, other]


async def test_a_position_that_cannot_be_had_keeps_its_stream_whole(store):
    store.positions = RuntimeError("the role is down")
    await store.append(accepted.subject(0, "w"))
    await store.append_routed(1)
    await store.append_routed(1)
    purged = await store.round(ROUTED, 2, 10_000)
    assert await store.left(ROUTED) == [1, 2]
    assert purged == {ACCEPTED: 1, DELIVERY: 0, facts.STREAM: 0}


async def test_nothing_is_purged_where_nothing_stands(store):
    assert set((await store.round_at(0)).values()) == {0}


async def test_the_loop_rounds_at_its_interval(store):
    clock = ManualClock()
    rounds = asyncio.Event()

    async def positions():
        rounds.set()
        return {}

    retention = RetentionLoop(store.settings, store.log, clock, 0, Readers(positions))
    running = asyncio.create_task(retention.run())
    for _ in range(3):
        await asyncio.sleep(0)
    assert not rounds.is_set()
    clock.advance(store.settings.retention_seconds)
    await asyncio.wait_for(rounds.wait(), 60)
    retention.stop()
    await asyncio.wait_for(running, 60)


class Needed:
    routed = 4
    retries = (7, 9)


async def test_readers_are_asked_of_the_roles_and_a_silent_role_has_read_nothing(store):
    for covers in range(1, 6):
        await store.append_routed(covers)
    readers = readers_of(store.log, CallClient(store.log), 0, Needed)
    settled, fact = delivery.settled_subject(0), facts.subject("pipeline", 0)
    assert await readers.routed() == {"delivery": 3, "warehousing": 0}
    assert await readers.delivery() == {"delivery.0.retry.0": 7, "delivery.0.retry.1": 9, settled: 0}
    assert await readers.facts() == {}
    servers = []
    for role, details in (("warehousing", {}), ("control", {"folded": {fact: 8, settled: 5, "facts.odd.0": "x"}})):
        report = StatusReport(role, "ready", [], 1, 0, lag={ROUTED: 2}, details=details)
        server = CallServer(store.log, role)

        async def answer(_, report=report):
            return report

        await server.answer(RoleStatus, answer)
        servers.append(server)
    assert await readers.routed() == {"delivery": 3, "warehousing": 3}
    assert (await readers.delivery())[settled] == 6
    assert await readers.facts() == {fact: 8}
    for server in servers:
        await server.close()


@pytest.mark.parametrize(
    ("by_age", "by_lag", "read", "below"),
    [(10, 5, 20, 10), (10, 5, 7, 8), (10, 5, 2, 5), (10, 10, 2, 10), (1, 1, 0, 1)],
)
def test_the_limit_of_routed(by_age, by_lag, read, below):
    assert routed_limit(by_age, by_lag, read) == below
