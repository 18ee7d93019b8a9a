"""What the live view is told of deliveries: each attempt and each ending, with a person, and nothing while closed."""

import pytest

from penstock.infra.log import Log
from penstock.kit.settings import Settings
from penstock.testing.outside import (
    DELIVERED,
    NOT_SUBSCRIBED,
    REFUSED,
    SERVER_ERROR,
    Shard,
    destination,
    event,
    until,
)

FAST = Settings(retry_seconds=(0.05, 0.1), retry_jitter=0.0, settle_seconds=0.02, drain_seconds=2.0)


class Watching:
    """A tap that keeps what it is handed."""

    def __init__(self):
        self.is_open = True
        self.lines = []

    def offer(self, lines):
        self.lines += lines

    @property
    def endings(self):
        return [(line.outcome, line.reason, line.attempt, line.status) for line in self.lines]


@pytest.fixture
async def shard(log: Log):
    made = await Shard(log, FAST).make()
    made.tap = Watching()
    yield made
    await made.kill()


async def test_each_attempt_is_told_with_its_number_and_status(shard: Shard):
    shard.outside.answer = lambda *_: SERVER_ERROR if sum(shard.outside.asked.values()) < 3 else DELIVERED
    shard.view.put(destination("d", name="My webhook"))
    await shard.start()
    await shard.route(event("m", anonymousId="a-1"))
    await shard.ended(1)
    assert shard.tap.endings == [
        ("AWAITING_RETRY", "500", 1, 500),
        ("AWAITING_RETRY", "500", 2, 500),
        ("SUCCESSFUL_DELIVERY", "successes.attempt.3", 3, 200),
    ]
    for line in shard.tap.lines:
        assert (line.workspace_id, line.source_id, line.destination_id) == ("w", "web", "d")
        assert (line.destination, line.subscription_id, line.step) == ("My webhook", "s1", "destination")
        assert (line.message_id, line.event_type, line.event_name) == ("m", "track", "m")
        assert (line.user_id, line.anonymous_id) == ("u-m", "a-1")


@pytest.mark.parametrize(
    ("verdict", "changes", "told"),
    [
        (REFUSED, {}, ("FAILED_DELIVERY", "400", 1, 400)),
        (NOT_SUBSCRIBED, {}, ("FILTERED_AT_DESTINATION", "NO_MATCHING_MAPPING", 0, 0)),
        (
            DELIVERED,
            {"integrations": {"All": False}},
            ("FILTERED_AT_DESTINATION", "FILTERED_BY_INTEGRATIONS_OBJECT", 0, 0),
        ),
    ],
)
async def test_an_ending_is_told_once_with_its_reason(shard: Shard, verdict, changes, told):
    shard.outside.answer = lambda *_: verdict
    shard.view.put(destination("d"))
    await shard.start()
    await shard.route(event("m", **changes))
    await shard.ended(1)
    assert shard.tap.endings == [told]


async def test_a_retry_whose_destination_went_is_told_by_its_row(shard: Shard):
    shard.outside.answer = lambda *_: SERVER_ERROR
    shard.view.put(destination("d"))
    await shard.start()
    await shard.route(event("m"))
    await until(lambda: bool(shard.tap.lines))
    shard.view.remove("d")
    await shard.ended(1)
    last = shard.tap.lines[-1]
    assert (last.outcome, last.reason, last.message_id) == ("FAILED_DELIVERY", "DESTINATION_DELETED", "m")


async def test_nothing_is_told_while_nobody_watches(shard: Shard):
    shard.tap.is_open = False
    shard.view.put(destination("d"))
    await shard.start()
    await shard.route(event("m"))
    await shard.ended(1)
    assert shard.tap.lines == []
